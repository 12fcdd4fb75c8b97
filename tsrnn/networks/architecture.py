"""A network in a file: the numbers that make it, and its weights by torch's names.

The layout of the parameter vector is no part of a file, so that it may change. What comes from a file is compared, name
by name, with the network that it claims to belong to, before any kernel sees it.
"""

from inspect import signature

from tsrnn.files.errors import DamagedError
from tsrnn.files.records import (
    check_array,
    check_count,
    check_finite,
    check_flag,
    check_kind,
    check_number,
)
from tsrnn.files.trees import Codec
from tsrnn.networks.encoder_decoder import EncoderDecoder
from tsrnn.networks.network import POOLINGS, Network
from tsrnn.rules.cells import CELLS

COMMON = (
    "cell",
    "n_inputs",
    "hidden_size",
    "n_outputs",
    "n_layers",
    "bidirectional",
    "dropout",
    "output_dropout",
    "dtype",
)
# of each kind a size, a flag and names of which one is chosen
OWN = {Network: ("n_context", "every_step", "pooling"), EncoderDecoder: ("n_known", "one_hot")}
CHOICES = {"pooling": POOLINGS}
DTYPES = "float32", "float64"
BYTES = 4  # of a weight, at least


def form_of(network):
    """The arguments that make a network, as plain Python."""
    size, flag, *names = OWN[type(network)]
    encoder = network.encoder if isinstance(network, EncoderDecoder) else network
    return {
        "cell": network.cell.name,
        "n_inputs": int(network.n_inputs),
        "hidden_size": int(network.hidden_size),
        "n_outputs": int(network.n_outputs),
        "n_layers": int(encoder.n_layers),
        "bidirectional": len(encoder.directions) == 2,
        "dropout": float(network.dropout),
        "output_dropout": float(network.output_dropout),
        "dtype": network.dtype.name,
        size: int(getattr(network, size)),
        flag: bool(getattr(network, flag)),
        **{name: getattr(network, name) for name in names},
    }


def network_of(kind, form, largest):
    """The network of such arguments, of at most `largest` weights.

    Raises
    ------
    DamagedError
        If there is no such network.
    """
    names = {*COMMON, *OWN[kind]}
    check_kind(form, dict, "a network")
    form = defaults_of(kind) | form  # an older version did not know them all
    if set(form) != names:
        raise DamagedError(f"a network that is not told by {', '.join(sorted(names))}")
    size, flag, *chosen = OWN[kind]
    if form["cell"] not in tuple(CELLS) or form["dtype"] not in DTYPES:
        raise DamagedError(
            f"a network of the unknown cell {form['cell']!r:.40} or type {form['dtype']!r:.40}"
        )
    for name in ("n_inputs", "hidden_size", "n_outputs", "n_layers"):
        check_count(form[name], name, 1, largest)
    check_count(form[size], size, 0, largest)
    check_flag(form["bidirectional"], "bidirectional")
    check_flag(form[flag], flag)
    for name in chosen:
        if form[name] not in CHOICES[name]:
            raise DamagedError(f"a network of the unknown {name} {form[name]!r:.40}")
    check_number(form["dropout"], "dropout", 0, 1)
    check_number(form["output_dropout"], "output_dropout", 0, 1)
    if n_weights(kind, form) > largest:
        raise DamagedError(
            f"a network of {n_weights(kind, form)} weights, more than the file holds"
        )
    return kind(**form)


def defaults_of(kind):
    """The arguments of a network that have a default, but for its type."""
    parameters = signature(kind).parameters.values()
    return {
        one.name: one.default
        for one in parameters
        if one.default is not one.empty and one.name != "dtype"
    }


def n_weights(kind, form):
    """The number of weights of a network that need not be made for it."""
    gates = CELLS[form["cell"]].n_gates
    directions = 1 + form["bidirectional"]
    units = form["hidden_size"]

    def layers(n_inputs, units, directions):
        first = gates * units * (n_inputs + units + 2)
        later = gates * units * (directions * units + units + 2)
        return directions * (first + (form["n_layers"] - 1) * later)

    own = form[OWN[kind][0]]
    scores = directions * units if form.get("pooling") == "attention" else 0
    encoder = layers(form["n_inputs"], units, directions)
    if kind is Network:
        return encoder + scores + form["n_outputs"] * (directions * units + own + 1)
    width = directions * units
    return encoder + layers(form["n_outputs"] + own, width, 1) + form["n_outputs"] * (width + 1)


def theta_of(network, weights, name="weights"):
    """The parameter vector of weights by name, which must be those of the network.

    Raises
    ------
    DamagedError
        If a name, a shape, a type or a number is not what the network needs.
    """
    check_kind(weights, dict, name)
    if list(weights) != list(network.layout.shapes):
        raise DamagedError(f"{name} of other names than those of the network")
    for part, array in weights.items():
        check_array(array, f"{name} {part}", network.dtype, network.shape_of(part))
        check_finite(array, f"{name} {part}")
    return network.from_weights(weights)


def codec_of(kind):
    return Codec(
        kind.__name__,
        kind,
        lambda network, writer: form_of(network),
        lambda form, reader: network_of(kind, form, reader.size // BYTES),
    )


CODECS = [codec_of(Network), codec_of(EncoderDecoder)]
