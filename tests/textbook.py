"""Settings under which training is the textbook's: one direction, one value a step, one rate, X and y as they are."""

TEXTBOOK = {"alpha": 0.0, "learning_rate": "constant", "standardize": False}
# One network whose choices are set.
SINGLE = {"n_networks": 1, "n_layers": 1, "pooling": "last", "augment": None}
TEXTBOOK_WHOLE = TEXTBOOK | SINGLE | {"bidirectional": False, "segment": 1}


def single(Estimator):
    """What makes an estimator one network, of those that can be several."""
    names = Estimator().get_params()
    return SINGLE if "n_networks" in names else {}


def listed(weights):
    """Weights of each network."""
    return weights if isinstance(weights, list) else [weights]


def textbook(Estimator):
    """Those that an estimator has."""
    names = Estimator().get_params()
    return {name: value for name, value in TEXTBOOK_WHOLE.items() if name in names}
