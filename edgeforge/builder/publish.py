"""Brings the build folder, what a person looks at, in line with the store."""

from __future__ import annotations

import json
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from edgeforge import __version__
from edgeforge.builder.key import key_of
from edgeforge.builder.plan import Plan
from edgeforge.builder.store import Artifact, storage_errors
from edgeforge.errors import EdgeForgeError
from edgeforge.files import copy_whole, sha256_of, write_whole

RECORD = ".edgeforge.json"
PLANNED = "planned"  # in it: stage → key of what the last build is making, or was when it was stopped
LOCK_FILE = "recipe.lock.yaml"


def read_record(folder: Path) -> dict[str, Any]:
    """Return what the last build in this folder published; empty when there is none, or none readable."""
    try:
        record = json.loads((folder / RECORD).read_text())
    except (OSError, ValueError):
        record = {}
    return {"files": {}, "ingredients": {}} | (record if isinstance(record, dict) else {})


def note_plan(plan: Plan, folder: Path) -> None:
    """Tell the record what a build is about to make, so that what it has made stays in the store if it is stopped."""
    record = read_record(folder)
    published = {stage: key_of(parts) for stage, parts in record["ingredients"].items()}
    planned = {step.stage.name: step.key for step in plan.steps}
    wanted = {stage: key for stage, key in (record.get(PLANNED, {}) | planned).items() if key != published.get(stage)}
    if wanted:
        with storage_errors(folder):
            _write_if_changed(folder / RECORD, json.dumps(record | {PLANNED: wanted}, indent=1))


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


def publish(plan: Plan, artifacts: dict[str, Artifact], folder: Path, notice: Callable[[str], None]) -> int:
    """Copy each stage's published files into the build folder; return how many had to be written.

    A file that somebody edited is kept beside as NAME.edited; one that no stage makes any more is removed.
    """
    record = read_record(folder)
    planned = {step.stage.name for step in plan.steps} | set(plan.left_out)
    known = {name: digest for stage in planned for name, digest in record["files"].get(stage, {}).items()}
    wanted = {name: file for files in _wanted(plan, artifacts).values() for name, file in files.items()}
    written = 0
    with storage_errors(folder):
        for name, (source, digest) in wanted.items():
            target = folder / name
            present = sha256_of(target) if target.is_file() else None
            if present == digest:
                continue
            if present and name in known and present != known[name]:
                target.replace(target.with_name(target.name + ".edited"))
                notice(f"{target} was changed since it was built: kept as {target.name}.edited")
            copy_whole(source, target)
            written += 1
        for name in set(known) - set(wanted):
            (folder / name).unlink(missing_ok=True)
        written += _write_if_changed(folder / LOCK_FILE, lock_text(plan))
        for step in plan.steps:
            record["ingredients"][step.stage.name] = step.ingredients
        unmade = {stage: key for stage, key in record.pop(PLANNED, {}).items() if stage not in planned}
        record |= {PLANNED: unmade} if unmade else {}
        for name in plan.left_out:
            record["files"].pop(name, None)
            record["ingredients"].pop(name, None)
        for stage, files in _wanted(plan, artifacts).items():
            record["files"][stage] = {name: digest for name, (_, digest) in files.items()}
        _write_if_changed(folder / RECORD, json.dumps(record, indent=1))
    return written


def note_rewritten(folder: Path, stage: str, names: tuple[str, ...]) -> None:
    """Tell the record that EdgeForge itself has rewritten published files, so that no build takes them for edited."""
    record = read_record(folder)
    record["files"].setdefault(stage, {}).update({name: sha256_of(folder / name) for name in names})
    write_whole(folder / RECORD, json.dumps(record, indent=1))


def lock_text(plan: Plan) -> str:
    """Return `recipe.lock.yaml`: every resolved value, every version, every stage's key."""
    libraries: dict[str, str] = {"edgeforge": __version__}
    for step in plan.steps:
        libraries |= step.ingredients["libraries"]
    lock = {
        "recipe": plan.recipe.model_dump(mode="json"),
        "versions": dict(sorted(libraries.items())),
        "files": {name: digest for step in plan.steps for name, digest in step.ingredients["files"].items()},
        "stages": {step.stage.name: step.key for step in plan.steps},
    }
    return "# Written by edgeforge build: what this build resolved to.\n" + yaml.safe_dump(lock, sort_keys=False)


def _wanted(plan: Plan, artifacts: dict[str, Artifact]) -> dict[str, dict[str, tuple[Path, str]]]:
    """Return stage → path in the build folder → (file in the store, its SHA-256)."""
    wanted: dict[str, dict[str, tuple[Path, str]]] = {}
    for step in plan.steps:
        artifact = artifacts[step.stage.name]
        wanted[step.stage.name] = {
            place.format(name=plan.recipe.name) + name: (artifact.folder / name, digest)
            for pattern, place in step.stage.publish.items()
            for name, digest in artifact.files.items()
            if fnmatchcase(name, pattern)
        }
    return wanted


def _write_if_changed(path: Path, text: str) -> int:
    if path.is_file() and path.read_text() == text:
        return 0
    write_whole(path, text)
    return 1
