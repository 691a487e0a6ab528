"""Builds as tests make them: --out folders that share one store, so that no stage runs twice in a run of the tests."""

import os
import shutil
from pathlib import Path

import yaml
from places import ROOT

DIGITS = ROOT / "recipes" / "digits.yaml"
FEW_EPOCHS = 6  # one training for all builds of the digits
EPOCHS = ("--set", f"train.epochs={FEW_EPOCHS}")


def open_folder(out: Path, store: Path) -> Path:
    """Make an --out folder whose store is `store`, for any number of processes at once; return it."""
    for folder in (out, store):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        (out / ".store").symlink_to(store, target_is_directory=True)
    except FileExistsError:
        assert (out / ".store").resolve() == store.resolve()
    return out


def processes_of(out: Path, module: str = "") -> list[int]:
    """Return the processes at work on an --out folder, workers included: those of a module, or all but this one."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().decode()
        except OSError:
            continue
        if module in line and str(out) in line and int(process.name) != os.getpid():
            found.append(int(process.name))
    return found


def artifact(out: Path, stage: str, name: str = "digits") -> Path:
    """Return the folder in the store with what a stage of the build `name` has made."""
    folder = out / ".store" / f"{stage}-{stage_keys(out / name)[stage][:16]}"
    assert (folder / "meta.json").is_file(), f"{stage} of {name} is not in the store"
    return folder


def copy_build(out: Path, to: Path, name: str = "digits") -> Path:
    """Copy a build with its own part of the store, for a test that harms it; return the new --out folder."""
    shutil.copytree(out / name, to / name)
    for stage in stage_keys(out / name):
        kept = artifact(out, stage, name)
        shutil.copytree(kept, to / ".store" / kept.name)
    return to


def stage_keys(build: Path) -> dict[str, str]:
    """Return stage → key of a build folder's last build."""
    keys: dict[str, str] = yaml.safe_load((build / "recipe.lock.yaml").read_text())["stages"]
    return keys
