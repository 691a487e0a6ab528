"""What a stage is, what it is given, and the key that names its result."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from edgeforge.files import sha256_of
from edgeforge.recipe.schema import Recipe, Section

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Stage:
    """One step of a build.

    function: `module:name` of a function that takes a Job and writes files into `job.output`; named and not
        imported, since importing it may take seconds.
    reads: the recipe's sections it depends on, such as `quantize.calibration`; it sees no others.
    after: the stages whose artifacts it reads.
    uses: the packages it needs; their versions are part of its key.
    files: the names of the user's own files it reads (see recipe/user_files.py); their hashes are part of its key.
    publish: glob of the artifact's files → folder of the build where a person finds them.
    version: raise it when the stage's files would change for the same inputs.
    alone: run it with nothing beside it (it measures time).
    environment: variables of its worker process, beside those that all have.
    may_use: packages that it does without where they are missing; their versions are part of its key all the same.
    only_with: the part of the recipe without which the stage is left out, such as `prune`.
    programs: programs that it runs where they are on the PATH; their hashes are part of its key.
    """

    name: str
    function: str
    title: str
    reads: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    publish: Mapping[str, str] = field(default_factory=dict)
    version: int = 1
    alone: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    only_with: str | None = None
    programs: tuple[str, ...] = ()
    may_use: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    """What a stage's function is given."""

    stage: str
    recipe: Recipe  # restricted to the sections that the stage reads
    inputs: dict[str, Path]  # stage name → its artifact's folder; stages left out of the build are not there
    output: Path  # an empty folder for the result
    scratch: Path  # survives a kill, so that long work can resume; removed once the artifact is stored
    progress: Progress  # (share done in [0, 1], what is being done)
    files: dict[str, Path] = field(default_factory=dict)  # the user's own files by name
    facts: dict[str, Any] = field(default_factory=dict)  # what only the build knows, such as stage times


def canonical(value: Any) -> str:
    """Return the JSON text of `value` that is the same for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def section(recipe: Recipe, path: str) -> Any:
    """Return the part of the recipe at a dotted path, as JSON values."""
    value: Any = recipe.model_dump(mode="json")
    for part in path.split("."):
        value = value[part]
    return value


def restricted(recipe: Recipe, reads: tuple[str, ...]) -> Recipe:
    """Return a copy of the recipe without the sections that a stage has not declared.

    Reading an undeclared section raises AttributeError: a stage cannot depend on what its key leaves out.
    """
    copy = recipe.model_copy(deep=True)
    _keep_only(copy, [path.split(".") for path in reads])
    return copy


def _keep_only(model: Section, paths: list[list[str]]) -> None:
    for name in list(model.__dict__):
        deeper = [path[1:] for path in paths if path[0] == name]
        if not deeper:
            del model.__dict__[name]
        elif all(deeper):
            _keep_only(getattr(model, name), deeper)


def library_versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Return the installed version of each package, `missing` where there is none."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    return found


def program_hashes(programs: tuple[str, ...]) -> dict[str, str]:
    """Return the SHA-256 of each program on the PATH, `missing` where there is none."""
    paths = {program: shutil.which(program) for program in programs}
    return {program: sha256_of(Path(path)) if path else "missing" for program, path in paths.items()}


def ingredients(stage: Stage, recipe: Recipe, inputs: dict[str, str], files: dict[str, str]) -> dict[str, Any]:
    """Return all that decides a stage's result: what its key is the hash of, and what `plan` compares."""
    return {
        "stage": stage.name,
        "version": stage.version,
        "recipe": {path: section(recipe, path) for path in stage.reads},
        "inputs": inputs,
        "libraries": library_versions(stage.uses + stage.may_use),
        "files": files,
        **({"programs": program_hashes(stage.programs)} if stage.programs else {}),
    }


def key_of(parts: dict[str, Any]) -> str:
    """Return the SHA-256 (hex) of a stage's ingredients."""
    return hashlib.sha256(canonical(parts).encode()).hexdigest()
