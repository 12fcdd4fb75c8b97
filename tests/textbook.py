"""Settings under which training is the textbook's: one direction, one value a step, one rate, X and y as they are."""

TEXTBOOK = {"alpha": 0.0, "learning_rate": "constant", "standardize": False}
TEXTBOOK_WHOLE = TEXTBOOK | {"bidirectional": False, "segment": 1}


def textbook(Estimator):
    """Those that an estimator has."""
    names = Estimator().get_params()
    return {name: value for name, value in TEXTBOOK_WHOLE.items() if name in names}
