"""Validation data that `fit` is given."""

from typing import NamedTuple


class Watched(NamedTuple):
    """Validation data, and what else `fit` has been given of it; None where there is none."""

    X: object
    y: object
    others: dict

    def check(self, estimator):
        """Raise a sentence for a part without the rest, or for data that nobody watches."""
        given = {"X_val": self.X, "y_val": self.y} | {
            f"{name}_val": value for name, value in self.others.items()
        }
        there = [name for name, value in given.items() if value is not None]
        for name in ("X_val", "y_val"):
            if there and name not in there:
                raise ValueError(f"{name} must be given with {there[0]}; got None.")
        if there and not estimator.early_stopping:
            raise ValueError(
                f"early_stopping of {type(estimator).__name__} must be True with X_val and y_val, which it watches; "
                "got False."
            )
