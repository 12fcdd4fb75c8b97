"""What a backend must have: every operation, in one line each. `cpu` and `cuda` are backends, and so is what `devices`
returns for a precision.

A room is scratch memory by name, `tsrnn.networks.workspace`; T steps, B rows, F inputs, H units, N rows of a table.
Arrays are on the device unless a line says "of numpy".
"""

from typing import Protocol


class Backend(Protocol):
    MOST_ROWS: int  # of one forward pass in a prediction
    MOST_BYTES: int  # of what such a pass keeps
    Packing: (
        type  # (cell, dtype, n_parameters): where each weight goes; a call packs a parameter vector
    )

    # Arrays

    def to_device(self, array):
        """Copy an array of numpy to the device."""

    def to_host(self, array, out=None):
        """Copy an array to numpy, into `out` if given."""

    def zeros(self, shape, dtype):
        """Allocate zeros."""

    def put(self, array, workspace, name):
        """Copy an array of numpy into the room's array of that name."""

    def device_scalars(self, values, dtype, workspace, name):
        """Copy a number, or a few, in the same way."""

    def fill(self, array, values):
        """Set an array to as many numbers, or to one."""

    def set_columns(self, source, out, column):
        """Copy `source` into columns of `out`, from `column` on."""

    def add_columns(self, source, column, out):
        """Add columns of `source`, from `column` on, to `out`."""

    def take_rows(self, array, chosen, workspace, name):
        """Copy the chosen rows of a table."""

    def copy_steps(self, source, first, target, to, n_columns, lengths, backwards, add):
        """Copy, or add, columns of every row's steps, each row reversed within its length if `backwards`."""

    # Rows of a batch

    def gather(self, values, starts, lengths, offsets, x):
        """Copy rows of a flat array into x (T, B, F), less one offset a row."""

    def trailing_mean(self, values, ends, n, workspace, name):
        """Average the `n` values before each of `ends`."""

    def padded_steps(self, n_steps):
        """Say for how many steps to allocate, so that few kinds of batches are recorded."""

    def count_chunks(self, n_rows, n_multiplications):
        """Say into how many chunks to cut a batch of so much work."""

    def each(self, function, n_chunks, n_jobs):
        """Call a function for every chunk, and return what it returns."""

    def repeated(self, stage, update):
        """Return `update` so that it may be recorded once and replayed; `bring` sends ahead what changes."""

    # States

    def set_first(self, states, initial):
        """Set the states before the first step; zeros for None."""

    def take_states(self, carried, series, fresh, initial):
        """Copy the states carried by the series of each row; zeros where a row is fresh."""

    def keep_states(self, last, series, carried):
        """Carry the last state of each row on."""

    def last_states(self, states, lengths, last):
        """Copy the state after the last step of each row."""

    def last_outputs(self, states, lengths, head_input, column):
        """Copy the output after the last step of each row into columns of the head's input."""

    def mean_outputs(self, states, lengths, head_input, column):
        """Average the outputs of all steps of each row into columns of the head's input."""

    def scatter_mean(self, d_head_input, column, lengths, doutputs):
        """The gradient of `mean_outputs`."""

    def max_outputs(self, states, lengths, head_input, column):
        """The largest output of each unit over all steps of each row, into columns of the head's input."""

    def scatter_max(self, d_head_input, column, states, lengths, doutputs):
        """The gradient of `max_outputs`."""

    def attended_outputs(self, steps, lengths, T, shares, head_input):
        """Turn scores of all steps into shares, and sum the outputs of each row by them into the head's input."""

    def scatter_attended(self, d_head_input, steps, shares, lengths, T, d_steps, d_scores):
        """The gradient of `attended_outputs`."""

    def every_output(self, states, lengths, head_input, column, backwards):
        """Copy all outputs into columns of the head's input, step by step over the rows that still run."""

    def scatter_outputs(self, d_head_input, column, lengths, doutputs, backwards):
        """The gradient of `every_output`."""

    def join_directions(self, last, order, n_units, first):
        """Join the last states of all directions of an encoder as the first states of a decoder."""

    def split_directions(self, dfirst, order, n_units, dlast):
        """The gradient of `join_directions`."""

    def feed_back(self, previous_output, n, one_hot, forced, x):
        """Feed a decoder its previous output, or with `one_hot` the most likely symbol, where it is not forced."""

    # The network

    def n_projected(self, n_gates, n_inputs):
        """Count the numbers of a step that wait for the recurrence."""

    def forward(self, cell, lengths, weights, cache):
        """Run a cell over the steps of every row."""

    def backward(self, cell, lengths, bptt_steps, weights, cache, gradients):
        """Backpropagate through the last `bptt_steps` steps of every row, into the gradients (see `layers`)."""

    def affine(self, x, w, b, out):
        """out = x @ w + b."""

    def affine_backward(self, x, w_t, dout, dx, grad, at):
        """The gradient of `affine`; that of the weights from grad[at] on."""

    def apply_dropout(self, x, seed, layer, rate, out):
        """Apply dropout, with noise of its own for each layer."""

    # The update

    def loss(self, loss, outputs, targets, weights, parameters, total_weight, slopes):
        """Sum the weighted losses over the total weight, and write the gradient at every output."""

    def reduce_gradients(self, grads, theta, decay, alpha, limit, grad):
        """Sum the gradients of all chunks and of the weight decay; return the norm before and after clipping values."""

    def apply_update(self, update, theta, grad, moments, decay, c, limit, norm, clip_norm):
        """Apply an optimiser's step, the gradient scaled down to `clip_norm` from its norm."""

    def is_finite(self, loss, norm):
        """False where it is already known that a loss or a norm is not finite."""

    def new_log(self, n, dtype):
        """Allocate room for the loss and the norm of n updates."""

    def record_update(self, log, at, loss, norm):
        """Write a loss and a norm into the log."""
