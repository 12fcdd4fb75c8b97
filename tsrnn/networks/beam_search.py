"""What a decoder of symbols writes when nobody says how long: beam search, up to an end symbol."""

from typing import NamedTuple

import numpy as np
from scipy.special import log_softmax

from tsrnn.networks.passes import in_chunks, slices


class Beam(NamedTuple):
    """How many sequences are followed at a time, and how long they may become."""

    width: int
    max_length: int


def decode(network, theta, rows, beam, n_jobs, workspaces):
    """For each row of sources what the decoder writes: codes of symbols, the last code being the end, (n_rows,
    max_length); all after the end is the end.
    """
    backend = workspaces.backend
    out = np.empty((len(rows), beam.max_length), np.int64)
    packed = network.packing(backend=backend)(backend.to_device(theta))

    def decode_chunk(chosen, workspace):
        order = backend.put(np.arange(len(chosen)), workspace, "order")
        first, _ = network.encode(packed, rows.batch(chosen, workspace), order, workspace)
        out[chosen] = beam_search(network, packed, first, beam, workspace)

    # symbols, scores and their order
    beside = 8 * beam.width * (2 * beam.max_length + 4 * network.n_outputs)
    in_chunks(
        decode_chunk,
        network,
        rows.lengths,
        n_jobs,
        slices(network, rows, backend, beside),
        workspaces,
    )
    return out


def beam_search(network, packed, first, beam, workspace):
    """The likeliest of `width` sequences that are followed at a time, the sum of their symbols' log probabilities
    decides; 1 is greedy.

    Sequences of a row are sorted, likeliest first; one that has ended stays as it is, and the row is done when it is
    the likeliest, since no other can catch up. Here and not on the device it is decided which are followed.
    """
    L, S, B, H = first.shape
    width, max_length = beam
    backend = workspace.backend
    V = network.n_outputs
    end = network.n_outputs - 1
    states = np.repeat(backend.to_host(first)[:, :, :, None], width, axis=3)
    written = np.full((B, width, max_length), end)
    scores = np.full((B, width), -np.inf)
    ended = np.zeros((B, width), bool)
    last = np.full((B, width), end)
    scores[:, 0] = 0
    one_hot = np.eye(V, dtype=network.dtype)
    for t in range(max_length):
        going = np.flatnonzero(~ended[:, 0])
        if len(going) == 0:
            break
        x = one_hot[last[going]].reshape(1, -1, V)
        now = states[:, :, going].reshape(L, S, -1, H)
        x = backend.put(x, workspace, "said")
        now = backend.put(now, workspace, "followed")
        outputs, new = map(backend.to_host, network.step(packed, x, now, workspace))
        gained = log_softmax(outputs[:, :V].astype(np.float64), axis=1).reshape(-1, width, V)
        gained[ended[going]] = np.where(np.arange(V) == end, 0, -np.inf)
        totals = (scores[going, :, None] + gained).reshape(len(going), -1)
        best = np.argsort(-totals, axis=1, kind="stable")[:, :width]
        parent = best // V
        symbol = best % V
        own = np.arange(len(going))[:, None]
        scores[going] = np.take_along_axis(totals, best, axis=1)
        last[going] = symbol
        written[going] = written[going][own, parent]
        written[going, :, t] = symbol
        ended[going] = symbol == end
        states[:, :, going] = new.reshape(L, S, len(going), width, H)[:, :, own, parent]
    return written[:, 0]
