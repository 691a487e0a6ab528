"""`python -m edgeforge` is the command line."""

from edgeforge.cli import main

main()
