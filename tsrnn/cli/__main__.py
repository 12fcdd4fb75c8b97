"""`python -m tsrnn.cli` is the `tsrnn` command."""

from tsrnn.cli import main

main()
