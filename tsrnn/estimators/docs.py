"""What the estimators' docstrings share, written once."""

import re
from textwrap import fill

from tsrnn.data.augmentation import AUGMENTATIONS
from tsrnn.networks.network import POOLINGS
from tsrnn.rules.cells import CELLS, offered_cells
from tsrnn.rules.losses import LOSSES, losses_fed_back, offered_losses


def options(names):
    """A set of names as docstrings write it."""
    return "{" + ", ".join(f'"{name}"' for name in names) + "}"


def wrapped(text):
    return fill(text, 110, initial_indent="    ", subsequent_indent="    ")


def titles(registry, names):
    return "; ".join(f'"{name}" is {registry[name].title}' for name in names)


OF_LOSSES = """
huber_delta : float, default=1.0
    Distance, in units of the target, up to which Huber's loss is quadratic.
quantile : float, default=0.5
    Quantile that the pinball loss aims at.
tweedie_power : float, default=1.5
    Power p of Tweedie's variance, mean^p, between 1 (Poisson) and 2 (gamma); the smaller, the more large targets count.
"""


def losses_of(names):
    """The entries of the loss and of the parameters that such losses have."""
    used = {parameter for name in names for parameter in LOSSES[name].parameters}
    loss = f'loss : {options(names)}, default="squared"'
    meaning = wrapped(f"Mean over targets and outputs: {titles(LOSSES, names)}.")
    return "\n".join(
        [loss, meaning, *(entry for name, entry in entries(OF_LOSSES).items() if name in used)]
    )


OTHERS = """
hidden_size : int, default=32
    Units of each layer and direction.
n_layers : int, default=1
    Layers; each reads the outputs of the one below.
bidirectional : bool, default=False
    Also read each sequence from its end; the two last states stand side by side.
dropout : float, default=0.0
    Share of the outputs between layers that is dropped while training; needs `n_layers` > 1.
output_dropout : float, default=0.0
    Share of the last layer's outputs that is dropped before the head while training, drawn anew at every step.
activation : {"tanh", "relu"}, default="tanh"
    Of the plain cell.
max_length : int or None, default=None
    Steps of a sequence that are seen at most.
truncate : {"end", "start"}, default="end"
    Which end of a longer sequence is cut off.
bptt_steps : int or None, default=None
    Steps back from the last one through which the gradient runs; None for all.
solver : {"adam", "adamw", "sgd", "rmsprop"}, default="adam"
    The optimiser.
learning_rate_init : float, default=0.005
    Learning rate, or the first of the schedule.
learning_rate : {"auto", "constant", "cosine", "plateau"}, default="auto"
    "cosine" falls to zero over `max_iter` epochs; "plateau" divides by 5 whenever `n_iter_no_change` epochs
    brought no `tol`, and stops below 1e-6. "auto" is "cosine" in `fit` and "constant" in `partial_fit`.
momentum : float, default=0.9
    Of the gradient's moving average: momentum of "sgd" and "rmsprop", beta_1 of "adam" and "adamw".
alpha : float, default=0.0
    Weight decay: adds alpha / 2 times the sum of squared weights, biases apart, to the loss; with "adamw"
    decoupled from the gradient.
clip_norm : float or None, default=1.0
    The gradient g is multiplied by min(1, clip_norm / ||g||), the norm taken over all parameters (Pascanu,
    Mikolov & Bengio 2013).
clip_value : float or None, default=None
    Every entry of the gradient is cut to [-clip_value, clip_value], before `clip_norm` acts.
batch_size : int or "auto", default="auto"
    Sequences of one update; batches of more than 64 hold sequences of similar length. "auto" is 8 up to 128 sequences,
    16 up to 512, 32 up to 2048 and 64 for more; up to 512 sequences, equal ones count as one of their summed weight.
max_iter : int or "auto", default="auto"
    Epochs at most. "auto" is as many as make 600 updates, of labels 400, and at least 20.
tol : float, default=1e-4
    An epoch that lowers the loss, or with `early_stopping` the validation loss, by less brings no progress;
    more than `n_iter_no_change` such epochs in a row end training.
early_stopping : bool, default=False
    Hold out `validation_fraction` of the sequences, watch their loss, and put the best weights back at the end.
validation_fraction : float, default=0.1
    Share of the sequences held out.
n_iter_no_change : int or "auto", default="auto"
    Epochs without progress that are tolerated. "auto" is as many as make a third of these updates, and at least 10.
shuffle : bool, default=True
    Draw new batches each epoch.
warm_start : bool, default=False
    `fit` goes on from the weights and the optimiser's state of the last `fit`.
random_state : int, RandomState or None, default=None
    Seeds weights, batches, dropout and the held-out part. The same int gives the same bits, whatever `n_jobs`.
n_jobs : int or None, default=None
    Threads; -1 for all cores. None is 1, or what joblib's context says.
device : {"cpu", "cuda", "auto"}, default="cpu"
    Where to compute; "cuda" is an NVIDIA GPU (with `pip install "tsrnn[cuda12]"` or `"tsrnn[cuda13]"`), "auto" takes
    one where it is there.
precision : {"fp32", "tf32"}, default="fp32"
    Of large matrix products of float32 on the GPU: "tf32" rounds their factors to ten binary digits, on tensor cores of
    compute capability 8.0 and newer; elsewhere it is refused. "fp32" keeps float32's precision.
dtype : {"float32", "float64"}, default="float32"
    Precision of weights and arithmetic.
verbose : int, default=0
    1 shows one line of progress on stderr.
"""

CELL = f"""
cell : {options(offered_cells())}, default="lstm"
{wrapped(f"The recurrent cell: {titles(CELLS, offered_cells())}.")}
"""

PARAMETERS = CELL + OTHERS.removeprefix("\n")

ATTRIBUTES = """
weights_ : dict of str to ndarray, or with several networks a list of such
    Names, shapes and gate order as in torch: `weight_ih_l0` (gates * hidden_size, features of a step), ...; the head's
    `weight_ho`, `bias_ho`. Gates are i, f, g, o (LSTM), r, z, n (GRU) and f, n (MGU).
loss_curve_ : list of float
    Mean training loss of each epoch.
validation_loss_curve_ : list of float
    Mean loss of the held-out sequences after each epoch; empty without `early_stopping`.
grad_norm_curve_ : ndarray of shape (n_updates,)
    Norm of the gradient before clipping, one for each update.
n_iter_ : int
    Epochs run.
n_features_in_ : int
    Features of a time step; for 2-D arrays their number of columns, as everywhere in scikit-learn.
feature_names_in_ : ndarray of shape (n_features_in_,)
    Column names, where X had them.
"""

OF_WHOLE_FITTED = (
    ATTRIBUTES.removesuffix("\n")
    + """
networks_ : DataFrame
    A row for each network: what it was made with (cell, n_layers, bidirectional, segment, pooling, augment), its epochs
    and its last training loss.
trial_ : DataFrame or None
    Every choice that was tried, the best first: its mean held-out loss, the number of folds it was judged on, and
    whether networks are made with it; None without a trial.
"""
)

NOTES = """
Notes
-----
What is left on "auto" is chosen by successive halving (Jamieson & Talwalkar 2016): networks of every choice learn
from two thirds of the sequences, for a sixth of the epochs, and are judged by their loss on the rest; the best four
learn once more, from another two thirds. Networks are made, in turn, with the choices whose mean loss is near the
lowest. Without such a trial, with fewer than 60 sequences and in `partial_fit`, they take turns with the choices in the
order of the table in the page "What is chosen when you leave it open"; `networks_` says what each was made with.
"""


STANDARDIZE = """
standardize : bool, default=True
    Centre and scale features and numeric targets while training; afterwards the scales become part of the weights, so
    that `weights_` are those of X and y as they are. Losses are those of scaled targets.
"""

# What some mean where a sequence has one target.
OF_WHOLE = (
    f"""
cell : {options(("auto", *offered_cells()))}, default="auto"
{wrapped(f'The recurrent cell: {titles(CELLS, offered_cells())}. "auto" is "gru", or with `activation="relu"` "rnn".')}
n_layers : int or "auto", default="auto"
    Layers; each reads the outputs of the one below. "auto" is chosen by the trial, see Notes.
bidirectional : bool or "auto", default="auto"
    Also read each sequence from its end; the two last states stand side by side. "auto" is True without `bptt_steps`.
segment : int or "auto", default="auto"
    Consecutive values that stand side by side as one step of the network; where a sequence is no multiple of that long,
    its first value is repeated in front. "auto" is 1 up to a median of 48 steps or with `bptt_steps`; for longer
    sequences the trial chooses between so many that one of median length has 32 or 64 steps: of 150 values 5 or 3.
pooling : {options(("auto", *POOLINGS))}, default="auto"
    What the head sees of the outputs of all steps: the last one, their mean, the largest of each unit, or by
    "attention" a mean weighted by the softmax of learnt scores (Raffel & Ellis 2015), whose weights are
    `weight_attention`. "auto" is chosen by the trial.
augment : {options(AUGMENTATIONS)}, a tuple of these, "auto" or None, default="auto"
    What makes an epoch see variants of the sequences: "shift" moves them by up to 5 % of the steps, the end repeated;
    "crop" cuts up to 20 % and stretches the rest; "warp" changes the speed; "scale" multiplies and offsets by 20 % of a
    deviation; "jitter" adds noise of 10 %. "auto" is chosen by the trial, for classes alone.
max_iter : int or "auto", default="auto"
    Epochs at most. "auto" is as many as make 1000 updates of a network, and at least 20.
n_iter_no_change : int or "auto", default="auto"
    Epochs without progress that are tolerated. "auto" is as many as make a third of these updates, and at least 10.
n_networks : int, default=4
    Networks that are trained side by side and whose predictions (of classes the probabilities) are averaged; they take
    turns with the choices that the trial kept. With several, `weights_` is a list, and curves, `n_iter_` and most of
    `tsrnn.inspection` are of the first; `tsrnn.inspection.networks` gives each as an estimator.
n_jobs : int or None, default=None
    Threads; -1 for all cores. None is 1, or what joblib's context says; several networks are then trained on all cores.
"""
    + STANDARDIZE
)

# What one means where the target of a sequence is a number.
OF_NUMBERS = """
alpha : float or "auto", default="auto"
    Weight decay: adds alpha / 2 times the sum of squared weights, biases apart, to the loss; with "adamw"
    decoupled from the gradient. "auto" is 3 / n_sequences, and at most 0.05.
"""

# What some parameters mean where a row is a time step.
OF_STEPS = """
bidirectional : bool, default=False
    Also read each series from its end, so that later steps count too; the two states of a step stand side by side.
max_length : int or None, default=None
    Steps of a series that `fit` sees at most; predictions see all.
truncate : {"end", "start"}, default="end"
    Which end of a longer series `fit` cuts off.
bptt_steps : int or None, default=None
    Train on pieces of so many steps, one update each: the state is carried from piece to piece of a series, the
    gradient ends at the seam (truncated backpropagation through time). None for whole series.
window : int or None, default=None
    Train on pieces of so many steps that know nothing of each other, each from the state zero. None for whole series.
batch_size : int or "auto", default="auto"
    Series, or pieces of series, of one update; batches of more than 64 hold those of similar length. "auto" is 8 up to
    128 of them, 16 up to 512, 32 up to 2048 and 64 for more.
early_stopping : bool, default=False
    Hold out `validation_fraction` of the series, or the last part of a single one, watch their loss, and put the best
    weights back at the end.
validation_fraction : float, default=0.1
    Share of the series, or of the labelled steps of a single one, held out.
""" + STANDARDIZE.removeprefix("\n")


# What some mean for an encoder and a decoder.
OF_PAIRS = """
max_iter : int or "auto", default="auto"
    Epochs at most. "auto" is as many as make 3000 updates, of labels 9000, and at least 20.
n_iter_no_change : int or "auto", default="auto"
    Epochs without progress that are tolerated. "auto" is as many as make a third of these updates, and at least 10.
hidden_size : int, default=32
    Units of each layer and direction of the encoder.
bidirectional : bool, default=False
    The encoder also reads each sequence from its end; the last states of both directions stand side by side in a
    decoder of twice as many units.
output_dropout : float, default=0.0
    Share of the decoder's outputs that is dropped before its head while training, drawn anew at every step.
bptt_steps : int or None, default=None
    Steps back from the encoder's last one through which the gradient runs; None for all.
early_stopping : bool, default=False
    Hold out `validation_fraction` of the sequences, watch their loss, the decoder fed what it says itself, and put the
    best weights back at the end.
segment : int or "auto", default="auto"
    Consecutive values that stand side by side as one step of the encoder; where a sequence is no multiple of that long,
    its first value is repeated in front. "auto" is 1 up to a median of 48 steps, and for longer sequences so many that
    a typical one has 64 steps.
teacher_forcing : float or (float, float), default=1.0
    Share of the steps, drawn anew each epoch, at which the decoder is fed the true target of the step before while
    training (Williams & Zipser 1989), and not what it said itself; a pair is the share in the first and in the last of
    `max_iter` epochs, evenly spaced between (scheduled sampling, Bengio et al. 2015); `partial_fit` takes the first.
    The gradient does not run through what is fed back. With a pair `tol` acts with `early_stopping` alone, since the
    loss changes with the share.
"""


# What one means for a decoder of labels.
OF_LABELS = """
learning_rate_init : float, default=0.01
    Learning rate, or the first of the schedule.
"""


def entries(text):
    return {entry.split(" :")[0]: entry for entry in re.split(r"\n(?=\w)", text.strip()) if entry}


def documented(cls, changes=OF_WHOLE, losses=offered_losses, attributes=OF_WHOLE_FITTED):
    """Fill the places of a docstring: {losses}, {parameters}, which are the shared ones with some changes, and
    {attributes}.
    """
    parameters = "\n".join((entries(PARAMETERS) | entries(changes)).values())
    for place, text in (
        ("{losses}", losses_of(losses())),
        ("{parameters}", parameters),
        ("{attributes}", attributes),
        ("{notes}", NOTES),
    ):
        cls.__doc__ = cls.__doc__.replace(place, text.strip().replace("\n", "\n    "))
    return cls


def documented_of_numbers(cls):
    return documented(cls, OF_WHOLE + OF_NUMBERS)


def documented_of_steps(cls):
    return documented(cls, OF_STEPS, attributes=ATTRIBUTES)


def documented_of_pairs_of_numbers(cls):
    return documented(cls, OF_PAIRS + STANDARDIZE.removeprefix("\n"), losses_fed_back, ATTRIBUTES)


def documented_of_pairs(cls):
    return documented(cls, OF_PAIRS + OF_LABELS, losses_fed_back, ATTRIBUTES)
