"""Notes what a child process of a watched run writes: Python imports this by itself, for this folder is on its path."""

import os

if os.environ.get("HOSTILE_WRITTEN"):
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parents[1]))
    from note_writes import note_writes

    del sys.path[0]
    note_writes(os.environ["HOSTILE_WRITTEN"])
