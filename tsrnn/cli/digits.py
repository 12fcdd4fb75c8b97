"""Numbers as a person writes them: as many digits as a forecast can mean, and no exponents."""

import numpy as np

MORE = 3  # decimals than the file has, at most
OF_RANGE = 6  # digits beside the range of the series
OF_VALUE = 4  # digits of a value that is small beside that range


def as_texts(values, ranges, decimals):
    """Texts of numbers, each from a series with its range; "" for NaN.

    A forecast gets six digits of the range of its series, or four of its own where it is smaller than the range, but
    not more than three decimals beyond those of the file. Texts are in the order of the numbers.
    """
    values = np.asarray(values, float)
    ranges = np.where(np.asarray(ranges) > 0, ranges, np.abs(values))
    places = np.maximum(OF_RANGE - 1 - magnitude(ranges), OF_VALUE - 1 - magnitude(values))
    if decimals is not None:
        places = np.minimum(places, decimals + MORE)
    return [written(value, int(n)) for value, n in zip(values, np.clip(places, 0, 320))]


def magnitude(values):
    """The power of ten of the first digit."""
    with np.errstate(divide="ignore", invalid="ignore"):
        powers = np.floor(np.log10(np.abs(values)))
    return np.where(np.isfinite(powers), powers, 0)


def written(value, places):
    if not np.isfinite(value):
        return "" if np.isnan(value) else str(value)
    text = f"{value:.{places}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text
