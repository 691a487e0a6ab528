"""What a build folder knows of itself: `.edgeforge.json`, the files that builds have put there and what they are of."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from edgeforge.builder.key import key_of
from edgeforge.builder.plan import Plan
from edgeforge.errors import EdgeForgeError, RecipeError
from edgeforge.files import sha256_of, write_whole
from edgeforge.guards.disk import storage_errors
from edgeforge.inputs.regular import read_text

RECORD = ".edgeforge.json"
PUBLISHING = "publishing"  # in it: file → SHA-256 of what a build is writing there, or was when it was killed
PLANNED = "planned"  # in it: stage → key of what the last build is making, or was when it was stopped
SHA256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
LOCK_FILE = "recipe.lock.yaml"


def read_record(folder: Path) -> dict[str, Any]:
    """Return what the builds in this folder published; empty when there is none, or none readable.

    files: stage → path in the folder → SHA-256. ingredients: stage → what its key is the hash of.
    """
    try:
        record = json.loads(read_text(folder / RECORD))
    except (RecipeError, ValueError, RecursionError):
        return {"files": {}, "ingredients": {}}
    _require_ours(folder, record)
    return {"files": {}, "ingredients": {}, **record}


class _Form(BaseModel):
    """What a build writes."""

    files: dict[str, dict[str, SHA256]] = {}
    ingredients: dict[str, dict[str, Any]] = {}
    planned: dict[str, str] = {}
    publishing: dict[str, SHA256] = {}


def _require_ours(folder: Path, record: Any) -> None:
    """Raise EdgeForgeError for a record that no build has written: of another form, or with names that lead outside."""
    try:
        form = _Form.model_validate(record)
    except ValidationError as error:
        reason = f"{folder / RECORD} was not written by EdgeForge"
        raise EdgeForgeError(reason, fix=f"remove {folder / RECORD}, and build again") from error
    for name in (*form.publishing, *(name for files in form.files.values() for name in files)):
        inside(folder, name)


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write it where it has changed."""
    write_if_changed(folder / RECORD, json.dumps(record, indent=1))


def write_if_changed(path: Path, text: str) -> int:
    """Return how many files were written."""
    data = text.encode()
    if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
        return 0
    write_whole(path, text)
    return 1


def inside(folder: Path, name: str) -> Path:
    """Return the path of a published file. Raises EdgeForgeError where a name or a link leads out."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
        reason = f"{folder / RECORD} names a file outside its folder: {name!r}"
        raise EdgeForgeError(reason, fix=f"it was not written by EdgeForge: remove {folder / RECORD}, and build again")
    home, place = folder.resolve(), (folder / path).parent.resolve()
    if home != place and home not in place.parents:
        reason = f"{folder / path.parent} is a link that leads out of {folder}: nothing is written or removed there"
        raise EdgeForgeError(reason, fix="remove the link, and build again; --out FOLDER builds elsewhere")
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
        record = json.loads(read_text(path))
        published = {(stage, key_of(parts)) for stage, parts in record["ingredients"].items()}
        return published | set(record.get(PLANNED, {}).items())
    except (RecipeError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        fix = "build it again, or remove the folder"
        raise EdgeForgeError(f"{path} cannot be read: what that build needs is not known", fix=fix) from error
