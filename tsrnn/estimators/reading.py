"""X in any accepted form, read as sequences: what it holds, and the form that `predict` must get again."""

import warnings
from copy import copy

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from tsrnn.data.series import (
    by_name,
    check_finite,
    check_form,
    from_array,
    from_frame,
    from_list,
    from_objects,
    is_panel_frame,
    is_ragged,
    names_of,
    with_numbers,
    without_mask,
)
from tsrnn.estimators.convergence import level_of_caller
from tsrnn.estimators.fitted import Inputs

LONG = (
    ": a row must be one sequence, and a long frame must have the index (series, time), as after "
    "X.set_index(['unique_id', 'ds'])"
)


def check_names(frame, known):
    """Raise a sentence for a frame with a (series, time) index whose columns are not those of `fit`."""
    names = list(names_of(frame))
    if known.names is not None and names != list(known.names):
        raise ValueError(f"columns of X must be those of fit, {list(known.names)}; got {names}.")


def read_sequences(estimator, X, dtype, known=None):
    """Sequences of any accepted form as `Series`, and the form of X, which must be the `known` one if given."""
    flat = False
    reader = copy(estimator) if known is None else estimator
    # what does not fit into the precision becomes infinite, and is refused so
    with np.errstate(over="ignore"):
        if known is not None and known.makes_plain(X):
            series = from_array(X, dtype)
        elif is_panel_frame(X):
            if known is not None:
                check_names(X, known)
            series = from_frame(X, dtype)
        elif is_ragged(X):
            X = by_name(X, None if known is None or known.flat else known.names)
            series = from_list(X, dtype)
        else:
            X = np.asarray(X) if isinstance(X, (list, tuple)) else without_mask(X)
            check_form(X)
            if hasattr(X, "iloc"):
                X = with_numbers(X, LONG)
            elif (X if hasattr(X, "dtype") else np.asarray(X)).dtype == object:
                X = from_objects(np.asarray(X))
            flat = getattr(X, "ndim", 2) == 2
            if flat and known is not None and not known.flat and X.shape[1] == 1 < len(X):
                warn_of_columns(len(X))
            if flat and (known is None or known.flat):
                X = validate_data(
                    reader, X, reset=known is None, dtype="numeric", ensure_all_finite=False
                )
            else:
                X = check_array(
                    X, dtype="numeric", ensure_all_finite=False, allow_nd=True, estimator=estimator
                )
            series = from_array(X, dtype)
    return series, form_of(reader, X, series, flat, known)


def warn_of_columns(n):
    """A single sequence is easily passed as it stands in a list."""
    warnings.warn(
        f"X of shape ({n}, 1) is read as {n} sequences of one time step; one sequence of {n} is the list [X].",
        UserWarning,
        stacklevel=level_of_caller(),
    )


def form_of(estimator, X, series, flat, known, empty=False):
    """The form of X, which became `series`, if they can be right; of `flat` X scikit-learn has noted the columns in
    the `estimator`. `empty` says that there may be no time steps.
    """
    if len(series.values) == 0 and not empty:
        raise ValueError(
            "X must hold at least one sequence of at least one time step; got 0 sample(s)."
        )
    if not series.lengths.all() and not empty:
        i = int(series.lengths.argmin())
        raise ValueError(
            f"{series.name(i)} must have at least one time step; got padding, NaN, alone."
        )
    n_features = series.values.shape[1]
    if n_features == 0:
        raise ValueError("X must have at least one feature a time step; got 0 feature(s).")
    check_finite(series)
    if known is None:
        if flat:
            return Inputs(
                n_features,
                estimator.n_features_in_,
                flat=True,
                names=getattr(estimator, "feature_names_in_", None),
            )
        return Inputs(n_features, n_features, flat=False, names=names_of(X))
    if n_features != known.n_features:
        raise ValueError(
            f"X has {n_features} features a time step, but {type(estimator).__name__} is expecting "
            f"{known.n_features} features as input."
        )
    return known
