"""How EdgeForge starts Python and ends it: no file that lies around is a module, nobody's variables steer it.

A folder of pictures with a random.py in it would else be a program that every build runs. A model that a recipe names
is found all the same: its file is loaded by its path, and the modules beside it from its own folder.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

SAFE_PATH = "PYTHONSAFEPATH"
# Variables of launchers (torchrun, SLURM, MPI, LSF): Lightning would take a stage for one process of many. Lightning's
# own defaults of a Trainer (PL_), which no key knows of; and what leaves Python waiting for a person at its end.
NOT_PASSED_ON = {
    *("LOCAL_RANK", "GLOBAL_RANK", "RANK", "NODE_RANK", "GROUP_RANK", "ROLE_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"),
    *("GROUP_WORLD_SIZE", "ROLE_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "PYTHONINSPECT", "PYTHONSTARTUP"),
}
PREFIXES = ("SLURM_", "TORCHELASTIC_", "OMPI_", "PMI_", "PMIX_", "JSM_NAMESPACE_", "LSB_", "LSF_", "PL_", "PET_")


MATPLOTLIB = "MPLCONFIGDIR"


def matplotlib_folder() -> str:
    """Return where matplotlib keeps its list of fonts: the user's cache; it would make a folder of settings, too."""
    return str(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "matplotlib")


def python(*words: str) -> list[str]:
    """Return the command that runs this interpreter with `words`, of which the first is -m or a script."""
    return [sys.executable, "-P", *words]


def script(*words: str) -> list[str]:
    """Return the command that runs a bundle's script, which imports the modules beside it."""
    return [sys.executable, *words]


def environment(*, of_a_script: bool = False) -> dict[str, str]:
    """Return this process's variables without those that would steer a child; its own children are as safe.

    of_a_script: for `script`, whose folder is looked through for modules.
    """
    dropped = NOT_PASSED_ON | {SAFE_PATH}
    kept = {name: value for name, value in os.environ.items() if name not in dropped and not name.startswith(PREFIXES)}
    kept.setdefault(MATPLOTLIB, matplotlib_folder())
    return kept if of_a_script else {**kept, SAFE_PATH: "1"}


def end(process: subprocess.Popen[Any]) -> None:
    """End a process that leads a session of its own, and all that it started."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdin:
        process.stdin.close()


def die_with_parent() -> None:
    """Wait until the starter's end of our standard input closes, then end this whole process group."""
    while os.read(0, 4096):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)
