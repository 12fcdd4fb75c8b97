"""What public methods take and return, as type checkers and editors show it."""

from os import PathLike
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

# Data come in many forms, which the methods themselves tell apart; the names say what is in them.
# list of (n_steps, n_features), array (n_sequences, n_steps, n_features), frame
SequencesLike: TypeAlias = Any
TargetsLike: TypeAlias = Any  # a number or label for each sequence, or a sequence of them for each
# pandas, polars or pyarrow: a row for each series and time, or a column for each series
FrameLike: TypeAlias = Any
LabelsLike: TypeAlias = Any  # one for each row, step or series
NumbersLike: TypeAlias = ArrayLike
FilePath: TypeAlias = str | PathLike[str]
RandomState: TypeAlias = int | np.random.RandomState | None
