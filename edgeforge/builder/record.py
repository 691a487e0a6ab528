"""What a build folder knows of itself: `.edgeforge.json`, the files that builds have put there and what they are of."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

from edgeforge.builder.key import key_of
from edgeforge.builder.plan import Plan
from edgeforge.builder.store import storage_errors
from edgeforge.errors import EdgeForgeError
from edgeforge.files import sha256_of, write_whole

RECORD = ".edgeforge.json"
PLANNED = "planned"  # in it: stage → key of what the last build is making, or was when it was stopped
LOCK_FILE = "recipe.lock.yaml"


def read_record(folder: Path) -> dict[str, Any]:
    """Return what the builds in this folder published; empty when there is none, or none readable.

    files: stage → path in the folder → SHA-256. ingredients: stage → what its key is the hash of.
    """
    try:
        record = json.loads((folder / RECORD).read_text())
    except (OSError, ValueError):
        record = {}
    return {"files": {}, "ingredients": {}} | (record if isinstance(record, dict) else {})


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write it where it has changed."""
    write_if_changed(folder / RECORD, json.dumps(record, indent=1))


def write_if_changed(path: Path, text: str) -> int:
    """Return how many files were written."""
    if path.is_file() and path.read_text() == text:
        return 0
    write_whole(path, text)
    return 1


def inside(folder: Path, name: str) -> Path:
    """Return the path of a published file. Raises EdgeForgeError for a name that leads out of the folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        reason = f"{folder / RECORD} names a file outside its folder: {name!r}"
        raise EdgeForgeError(reason, fix=f"it was not written by EdgeForge: remove {folder / RECORD}, and build again")
    return folder / path


def note_plan(plan: Plan, folder: Path) -> None:
    """Tell the record what a build is about to make, so that what it has made stays in the store if it is stopped."""
    record = read_record(folder)
    published = {stage: key_of(parts) for stage, parts in record["ingredients"].items()}
    planned = {step.stage.name: step.key for step in plan.steps}
    wanted = {stage: key for stage, key in (record.get(PLANNED, {}) | planned).items() if key != published.get(stage)}
    if wanted:
        with storage_errors(folder):
            write_record(folder, record | {PLANNED: wanted})


def note_rewritten(folder: Path, stage: str, names: tuple[str, ...]) -> None:
    """Tell the record that EdgeForge itself has rewritten published files, so that no build takes them for edited."""
    record = read_record(folder)
    record["files"].setdefault(stage, {}).update({name: sha256_of(folder / name) for name in names})
    write_whole(folder / RECORD, json.dumps(record, indent=1))


def needs(folder: Path) -> set[tuple[str, str]]:
    """Return (stage, key) of what the newest build in a folder needs: what it published, or was making when stopped.

    Raises EdgeForgeError where the folder's record cannot be read.
    """
    path = folder / RECORD
    try:
        record = json.loads(path.read_text())
        published = {(stage, key_of(parts)) for stage, parts in record["ingredients"].items()}
        return published | set(record.get(PLANNED, {}).items())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        fix = "build it again, or remove the folder"
        raise EdgeForgeError(f"{path} cannot be read: what that build needs is not known", fix=fix) from error
