"""Small real data that ships with the package: three loaders, no download.

>>> from tsrnn.datasets import load_airline
>>> load_airline().max().item()
622
"""

from tsrnn.datasets._load import CIF2016, JapaneseVowels, load_airline, load_cif2016, load_japanese_vowels

__all__ = ["CIF2016", "JapaneseVowels", "load_airline", "load_cif2016", "load_japanese_vowels"]
