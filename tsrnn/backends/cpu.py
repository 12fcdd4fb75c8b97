"""The CPU's verbs. Threads own fixed tasks of rows; what a task computes, and the order in which tasks are summed,
does not depend on who runs it.
"""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np

from tsrnn.backends import elementwise, scan
from tsrnn.backends.elementwise import combine, drop, gather, log_softmax, place  # noqa: F401 verbs as they are

MOST_TASKS = 16
SMALL = 2e6  # multiplications below which a second thread costs more than it brings
PANEL = {4: 16, 8: 8}  # columns of a tile by the bytes of a number


@cache
def pool():
    return ThreadPoolExecutor(max_workers=max(os.cpu_count() or 1, 2), thread_name_prefix="tsrnn")


os.register_at_fork(after_in_child=pool.cache_clear)  # a child of fork has the pool but not its threads


def task_rows(n_rows, n_tasks=MOST_TASKS):
    """Rows of one task: whole blocks, and no more than `n_tasks` tasks."""
    blocks = -(-n_rows // scan.BLOCK)
    return -(-blocks // n_tasks) * scan.BLOCK


def count_tasks(n_rows):
    return -(-n_rows // task_rows(n_rows))


def run(kernel, n_tasks, n_jobs, work, *arguments):
    """kernel(first, last, *arguments) over all tasks, on up to `n_jobs` threads, this one included."""
    n_threads = min(n_jobs, n_tasks) if work > SMALL else 1
    if n_threads == 1:
        return kernel(0, n_tasks, *arguments)
    lock, tasks = threading.Lock(), iter(range(n_tasks))

    def worker():
        while True:
            with lock:
                task = next(tasks, None)
            if task is None:
                return
            kernel(task, task + 1, *arguments)

    futures = [pool().submit(worker) for _ in range(n_threads - 1)]
    try:
        worker()
    finally:  # an interrupt must not leave threads writing into arrays that are no longer ours
        for future in futures:
            future.result()


def panels(w, transposed=False):
    """`w` (K, N), or its transpose, as one contiguous (K, width) panel for each tile's width of columns."""
    (K, N), width = w.shape[::-1] if transposed else w.shape, PANEL[w.itemsize]
    out = np.empty((-(-N // width), K, width), w.dtype)
    scan.pack(w, transposed, out)
    return out


def forward(cell, x, lengths, weights, states, saved, n_jobs):
    """Run a cell over the steps of every row. `weights` (w_ih, w_hh, b_ih, b_hh); the initial states are in
    `states[:, 0]`.
    """
    w_ih, w_hh, b_ih, b_hh = weights
    T, B, _ = x.shape
    work = T * B * (w_ih.size + w_hh.size)
    kernel = scan.make_forward(cell)
    run(
        kernel,
        count_tasks(B),
        n_jobs,
        work,
        task_rows(B),
        x,
        lengths,
        panels(w_ih),
        panels(w_hh),
        b_ih,
        b_hh,
        states,
        saved,
    )


def backward(cell, x, lengths, bptt_steps, weights, states, saved, doutputs, dstates, dx, grads, at, n_jobs):
    """Backpropagation through time over the last `bptt_steps` steps of every row; see `scan.make_backward`."""
    w_ih, w_hh, _, _ = weights
    T, B, _ = x.shape
    work = 2 * T * B * (w_ih.size + w_hh.size)
    w_ih_t = panels(w_ih, True) if len(dx) else np.empty((0, 0, PANEL[w_ih.itemsize]), w_ih.dtype)
    kernel = scan.make_backward(cell)
    arguments = x, lengths, bptt_steps, w_ih_t, panels(w_hh, True), states, saved, doutputs, dstates, dx, grads, at
    run(kernel, count_tasks(B), n_jobs, work, task_rows(B), *arguments)


def affine(x, w, b, out, n_jobs):
    """out = x @ w + b, row by row."""
    run(elementwise.affine, count_tasks(len(x)), n_jobs, x.size * len(b), task_rows(len(x)), x, panels(w), b, out)


def affine_backward(x, w, dout, dx, grads, at, n_jobs):
    """dx = dout @ w.T, and the slopes of w and b into `grads` at offset `at`."""
    arguments = x, panels(w, True), dout, dx, grads, at
    run(
        elementwise.affine_backward,
        len(grads),
        n_jobs,
        2 * x.size * w.shape[1],
        task_rows(len(x), len(grads)),
        *arguments,
    )


def loss(loss, outputs, targets, weights, parameter, total_weight, slopes):
    """The weighted mean of a loss and its slope at every output."""
    return elementwise.make_loss(loss)(outputs, targets, weights, parameter, total_weight, slopes)


def move(update, theta, grad, moments, decay, c, limit, scale, shrink):
    """One step of the optimiser."""
    elementwise.make_update(update)(theta, grad, moments, decay, c, limit, scale, shrink)
