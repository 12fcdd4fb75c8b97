"""How much work a fit does where a user does not say it in numbers."""

from typing import NamedTuple


class Effort(NamedTuple):
    """Numbers for settings on "auto"."""

    n_networks: int
    n_plans: int | None  # that the trial compares; None for all
    n_varied: int  # best plans that it tries in other units
    steps: float  # updates, times those of the usual effort


EFFORTS = {
    "fast": Effort(n_networks=2, n_plans=2, n_varied=0, steps=0.5),
    "normal": Effort(n_networks=4, n_plans=None, n_varied=2, steps=1.0),
    "best": Effort(n_networks=8, n_plans=None, n_varied=4, steps=2.0),
}
