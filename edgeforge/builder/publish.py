"""Brings the build folder, what a person looks at, in line with the store."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

from edgeforge import __version__
from edgeforge.builder.earlier import discard_earlier, discard_published, keep_edited, remove_empty
from edgeforge.builder.key import key_of
from edgeforge.builder.plan import Plan
from edgeforge.builder.record import LOCK_FILE, PLANNED, PUBLISHING, inside, read_record, write_if_changed, write_record
from edgeforge.builder.store import Artifact
from edgeforge.files import copy_whole, sha256_of
from edgeforge.guards.disk import storage_errors
from edgeforge.guards.removal import remove_file, sweep


def publish(plan: Plan, artifacts: dict[str, Artifact], folder: Path, notice: Callable[[str], None]) -> int:
    """Copy the published files of each stage that is done into the build folder; return how many had to be written.

    A file that somebody edited is kept beside as NAME.edited; one that no stage makes any more is removed. Once all
    that the recipe asks for is there, what an earlier build left is removed too.
    """
    with storage_errors(folder):
        sweep(folder)
    record = read_record(folder)
    made = [step for step in plan.steps if step.stage.name in artifacts]
    settled = {step.stage.name for step in made} | set(plan.left_out)
    known = {name: digest for stage in settled for name, digest in record["files"].get(stage, {}).items()}
    by_stage = _wanted(plan, artifacts)
    wanted = {name: file for files in by_stage.values() for name, file in files.items()}
    written = 0
    with storage_errors(folder):
        begun = record.pop(PUBLISHING, {})  # by a build that was killed while it published
        write_record(folder, record | {PUBLISHING: begun | {name: digest for name, (_, digest) in wanted.items()}})
        for name, (source, digest) in wanted.items():
            target = inside(folder, name)
            present = sha256_of(target) if target.is_file() else None
            if present == digest:
                continue
            if present and present not in (known.get(name), begun.get(name)):
                keep_edited(target, folder, notice)
            copy_whole(source, target)
            written += 1
        gone = (known | begun).keys() - wanted.keys()
        for name in gone:
            discard_published(folder, name, (known.get(name), begun.get(name)), notice)
        remove_empty(folder, gone)
        written += write_if_changed(folder / LOCK_FILE, lock_text(plan))
        for name in plan.left_out:
            record["files"].pop(name, None)
            record["ingredients"].pop(name, None)
            remove_file(inside(folder, f"logs/{name}.log"), folder)
        for step in made:
            record["ingredients"][step.stage.name] = step.ingredients
        unmade = {stage: key for stage, key in record.pop(PLANNED, {}).items() if stage not in settled}
        record |= {PLANNED: unmade} if unmade else {}
        for stage, files in by_stage.items():
            record["files"][stage] = {name: digest for name, (_, digest) in files.items()}
        published = {stage: key_of(parts) for stage, parts in record["ingredients"].items()}
        record["whole"] = all(published.get(stage) == key for stage, key in plan.keys.items())
        write_record(folder, record)
        if record["whole"]:
            discard_earlier(folder)
    return written


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
    """Return stage → path in the build folder → (file in the store, its SHA-256), of the stages that are done."""
    wanted: dict[str, dict[str, tuple[Path, str]]] = {}
    for step in plan.steps:
        if artifact := artifacts.get(step.stage.name):
            wanted[step.stage.name] = {
                place.format(name=plan.recipe.name) + name: (artifact.folder / name, digest)
                for pattern, place in step.stage.publish.items()
                for name, digest in artifact.files.items()
                if fnmatchcase(name, pattern)
            }
    return wanted
