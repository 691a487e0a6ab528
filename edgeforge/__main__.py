"""`python -m edgeforge` is the command line."""

import sys

# -m puts the working directory first: a random.py there is not Python's.
if not sys.flags.safe_path:
    del sys.path[0]

from edgeforge.cli import main

main()
