"""Save and load as every estimator has them: its parameters and the record of what it learnt, in one file."""

import warnings

import numpy as np

from tsrnn.files import container
from tsrnn.files.codecs import decode, encode
from tsrnn.files.errors import DamagedError, NewerError, reason


def save(path, estimator, fitted, records, check):
    """Write the parameters of an estimator and the record that its `fit` made.

    Parameters
    ----------
    path : path-like
    estimator : estimator
    fitted : object
    records : list of Codec
        Of the records that `fitted` is made of.
    check : callable
        As of `load`.
    """
    container.as_path(path)
    try:
        check(fitted)
    except DamagedError as error:  # which `load` would refuse
        raise ValueError(
            f"this {type(estimator).__name__} cannot be saved; it has {error}."
        ) from error
    tree, arrays = encode({"parameters": parameters_of(estimator), "fitted": fitted}, records)
    container.write(path, container.Content(type(estimator).__name__, tree, arrays))


def parameters_of(estimator):
    parameters = estimator.get_params(deep=False)
    if isinstance(parameters["random_state"], np.random.RandomState):
        parameters["random_state"] = None  # it has done its work
    return parameters


def load(path, Estimator, records, check, before=None):
    """An estimator with the parameters of a file, not fitted, and the record that a `fit` made.

    Parameters
    ----------
    path : path-like
    Estimator : type
    records : list of Codec
    check : callable
        (fitted) -> the record, or a ValueError for one that no `fit` makes.
    before : callable, optional
        (metadata, arrays) -> what `load` returns, of a file of an older format.

    Returns
    -------
    estimator, fitted

    Raises
    ------
    ValueError
        If the file is not one that `save` of this estimator wrote, whole.
    """
    name = Estimator.__name__
    try:
        raw = container.read_bytes(path)
        metadata, arrays = container.parse(raw)
        if before is not None and container.KEY not in metadata:
            estimator, fitted = before(metadata, arrays)
        else:
            estimator, fitted = as_estimator(raw, metadata, arrays, Estimator, records)
        return estimator, checked(fitted, check)
    except NewerError as error:
        raise ValueError(
            f"{str(path)!r} must be in a format that is known; got {error}."
        ) from error
    except ValueError as error:
        text = str(error) if isinstance(error, DamagedError) else reason(error).removesuffix(".")
        raise ValueError(
            f"{str(path)!r} must be a file that {name}.save wrote, whole; got {text}."
        ) from error


def checked(fitted, check):
    """Compare the parts of a record with each other, whatever is in them."""
    try:
        return check(fitted)
    except (ValueError, MemoryError, ImportError):
        raise
    except Exception as error:  # of checks that met another type than they compare
        raise DamagedError(reason(error)) from error


def as_estimator(raw, metadata, arrays, Estimator, records):
    if container.KEY not in metadata:
        raise DamagedError("a file of something else")
    content = container.content_of(raw, metadata[container.KEY], arrays)
    if content.kind != Estimator.__name__:
        raise DamagedError(f"one of {content.kind[:60]}")
    found = decode(content.tree, content.arrays, len(raw), records)
    if not isinstance(found, dict) or list(found) != ["parameters", "fitted"]:
        raise DamagedError("no parameters, or nothing fitted")
    return estimator_of(Estimator, found["parameters"]), found["fitted"]


def estimator_of(Estimator, parameters):
    """An estimator with such parameters, all of which it has; those that a file lacks are new, and as by default."""
    known = Estimator().get_params(deep=False)
    if not isinstance(parameters, dict) or not set(parameters) <= set(known):
        raise DamagedError(f"parameters that {Estimator.__name__} has not")
    return Estimator(**parameters)


def place_of(fitted, wanted, backend_of, Estimator):
    """Where a loaded estimator computes: on the device that is asked for, on that of `fit`, or on the CPU where there
    is none such.

    Parameters
    ----------
    fitted : dict
        "device" and "precision" of `fit`.
    wanted : str or None
    backend_of : callable
        (device, owner, precision) -> the backend, or a ValueError.
    Estimator : type

    Returns
    -------
    dict
        "device" and "precision".
    """
    name = Estimator.__name__
    [devices] = Estimator._constraints["device"]
    if wanted is not None:
        if not devices.accepts(wanted):
            raise ValueError(f"device of {name} must be {devices}; got {wanted!r}.")
        precision = fitted["precision"] if wanted == fitted["device"] else "fp32"
        backend_of(wanted, name, precision)
        return {"device": wanted, "precision": precision}
    try:
        backend_of(fitted["device"], name, fitted["precision"])
    except ValueError as error:
        warnings.warn(
            f"{name} was fitted with device={fitted['device']!r} and precision={fitted['precision']!r}, and is loaded "
            f"for the CPU: {error}",
            stacklevel=4,
        )
        return {"device": "cpu", "precision": "fp32"}
    return fitted
