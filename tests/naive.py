"""The definitions, written as slowly and plainly as possible: one sequence, one step at a time, in float64."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# Cells: the new states from what the input adds (a), what the state adds (q) and the old states; weights as in torch.


def rnn(a, q, states):
    return [np.tanh(a + q)]


def rnn_relu(a, q, states):
    return [np.maximum(a + q, 0)]


def gru(a, q, states):
    (a_r, a_z, a_n), (q_r, q_z, q_n) = np.split(a, 3), np.split(q, 3)
    r, z = sigmoid(a_r + q_r), sigmoid(a_z + q_z)
    n = np.tanh(a_n + r * q_n)
    return [(1 - z) * n + z * states[0]]


def mgu(a, q, states):
    (a_f, a_n), (q_f, q_n) = np.split(a, 2), np.split(q, 2)
    f = sigmoid(a_f + q_f)
    return [(1 - f) * states[0] + f * np.tanh(a_n + f * q_n)]


def lstm(a, q, states):
    i, f, g, o = np.split(a + q, 4)
    c = sigmoid(f) * states[1] + sigmoid(i) * np.tanh(g)
    return [sigmoid(o) * np.tanh(c), c]


CELLS = {
    "rnn": (rnn, 1),
    "rnn_relu": (rnn_relu, 1),
    "gru": (gru, 1),
    "lstm": (lstm, 2),
    "mgu": (mgu, 1),
}


def run(cell, x, w_ih, w_hh, b_ih, b_hh, states=None):
    """All states (T, n_states, H) over x (T, F)."""
    step, n_states = CELLS[cell]
    states, history = [np.zeros(w_hh.shape[1])] * n_states if states is None else states, []
    for x_t in x:
        states = step(w_ih @ x_t + b_ih, w_hh @ states[0] + b_hh, states)
        history.append(states)
    return np.array(history)


def network(cell, x, weights, n_layers=1, bidirectional=False, context=(), every_step=False):
    """The head's outputs for one sequence x (T, F), or for every step of it."""
    for i in range(n_layers):
        ways = []
        for direction in ("", "_reverse") if bidirectional else ("",):
            names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            inputs = x[::-1] if direction else x
            outputs = run(cell, inputs, *(weights[f"{name}_l{i}{direction}"] for name in names))[
                :, 0
            ]
            ways.append((outputs[-1], outputs[::-1] if direction else outputs))
        x = np.hstack([outputs for _, outputs in ways])
    seen = x if every_step else np.concatenate([*(last for last, _ in ways), context])
    return seen @ weights["weight_ho"].T + weights["bias_ho"]


NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def encoder_decoder(
    cell, x, weights, start, known, fed_back, truth=None, n_layers=1, bidirectional=False
):
    """The head's outputs for every step: `known` (T, K) is given, `start` said before, then truth or what was said."""
    states, inputs = [], x
    for i in range(n_layers):
        ways = []
        for direction in ("", "_reverse") if bidirectional else ("",):
            own = (weights[f"encoder.{name}_l{i}{direction}"] for name in NAMES)
            ways.append(run(cell, inputs[::-1] if direction else inputs, *own))
        states.append(np.hstack([way[-1] for way in ways]))
        inputs = np.hstack([way[::-1, 0] if d else way[:, 0] for d, way in enumerate(ways)])
    said, outputs = start, []
    for t, given in enumerate(known):
        inputs = np.concatenate([said, given])
        for i in range(n_layers):
            states[i] = run(
                cell, inputs[None], *(weights[f"decoder.{name}_l{i}"] for name in NAMES), states[i]
            )[-1]
            inputs = states[i][0]
        outputs.append(weights["decoder.weight_ho"] @ inputs + weights["decoder.bias_ho"])
        said = fed_back(outputs[-1]) if truth is None else truth[t]
    return np.array(outputs)


# Losses of one output, and of a row where they belong together


def squared(y, t, parameters):
    return (y - t) ** 2


def absolute(y, t, parameters):
    return abs(y - t)


def huber(y, t, parameters):
    e, delta = abs(y - t), parameters[0]
    return e**2 / 2 if e <= delta else delta * (e - delta / 2)


def pinball(y, t, parameters):
    quantile = parameters[0]
    return quantile * (t - y) if t >= y else (1 - quantile) * (y - t)


def quantile_huber(y, t, parameters):
    quantile, delta = parameters
    return (1 - quantile if t < y else quantile) * huber(y, t, [delta]) / delta


def tweedie(y, t, parameters):
    p, mean = parameters[0], np.exp(y)
    return (
        t ** (2 - p) / ((1 - p) * (2 - p))
        - t * mean ** (1 - p) / (1 - p)
        + mean ** (2 - p) / (2 - p)
    )


def log_loss(y, t, parameters):
    p = sigmoid(y)
    return -t * np.log(p) - (1 - t) * np.log(1 - p)


LOSSES = {
    loss.__name__: loss
    for loss in (squared, absolute, huber, pinball, quantile_huber, tweedie, log_loss)
}


def mean_loss(name, outputs, targets, weights, parameter=0.0):
    """The weighted mean over all outputs; with softmax over rows."""
    if name == "softmax_log_loss":
        p = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
        return np.average(-(targets * np.log(p)).sum(axis=1), weights=weights[:, 0])
    values = np.vectorize(lambda y, t: LOSSES[name](y, t, (parameter, 1.0)))(outputs, targets)
    return np.average(values, weights=weights)


# Updates of a parameter, with their moments in a dict


def sgd(theta, g, m, step, rate, momentum):
    m["v"] = momentum * m.get("v", 0) + g
    return theta - rate * m["v"]


def rmsprop(theta, g, m, step, rate, momentum):
    m["s"] = 0.99 * m.get("s", 0) + 0.01 * g**2
    m["v"] = momentum * m.get("v", 0) + g / (np.sqrt(m["s"]) + 1e-8)
    return theta - rate * m["v"]


def adam(theta, g, m, step, rate, momentum):
    m["m"] = momentum * m.get("m", 0) + (1 - momentum) * g
    m["v"] = 0.999 * m.get("v", 0) + 0.001 * g**2
    m_hat, v_hat = m["m"] / (1 - momentum**step), m["v"] / (1 - 0.999**step)
    return theta - rate * m_hat / (np.sqrt(v_hat) + 1e-8)


UPDATES = {"sgd": sgd, "rmsprop": rmsprop, "adam": adam, "adamw": adam}
