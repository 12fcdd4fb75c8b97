"""How to train, and what happened."""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class TrainingConfig:
    """How to train; the words are scikit-learn's."""

    loss: str
    loss_parameters: tuple = ((),)  # of each forecast: huber's distance, pinball's quantile
    solver: str = "adam"
    learning_rate_init: float = 1e-3
    learning_rate: str = "constant"
    momentum: float = 0.9
    alpha: float | str = 0.0
    clip_norm: float | None = 1.0
    clip_value: float | None = None
    batch_size: int | str = 200  # "auto" here and below: until `budget` has filled it in
    max_iter: int | str = 200
    max_steps: int | None = None  # of all epochs together
    tol: float = 1e-4
    n_iter_no_change: int | str = 10
    early_stopping: bool = False
    shuffle: bool = True
    bptt_steps: int | None = None
    n_jobs: int = 1
    device: str = "cpu"
    precision: str = "fp32"
    verbose: int = 0


@dataclass
class History:
    """What happened, and what the optimiser needs to go on."""

    loss_curve: list = field(default_factory=list)
    validation_loss_curve: list = field(default_factory=list)
    grad_norm_curve: list = field(default_factory=list)
    n_updates: int = 0
    moments: np.ndarray | None = None
    cut_short: bool = False  # the last training was ended from outside
