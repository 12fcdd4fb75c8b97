"""Small real data that ship with the package, and made tasks by which a memory is measured; no download.

>>> from tsrnn.datasets import load_airline, make_adding_problem
>>> load_airline().max().item()
622
>>> X, y = make_adding_problem(n_sequences=100, n_steps=50, random_state=0)
"""

from tsrnn.datasets._load import (
    CIF2016,
    JapaneseVowels,
    load_airline,
    load_cif2016,
    load_japanese_vowels,
)
from tsrnn.datasets._make import make_adding_problem, make_copy_memory, make_temporal_order

__all__ = [
    "CIF2016",
    "JapaneseVowels",
    "load_airline",
    "load_cif2016",
    "load_japanese_vowels",
    "make_adding_problem",
    "make_copy_memory",
    "make_temporal_order",
]
