"""The `tsrnn` command: a file in, forecasts out."""

from tsrnn.cli.command import main

__all__ = ["main"]
