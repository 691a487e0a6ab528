"""What a stage is, what it is given, and the key that names its result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from edgeforge.recipe import Recipe

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Stage:
    """One step of a build.

    function: `module:name` of a function that takes a Job and writes files into `job.output`; named and not
        imported, since importing it may take seconds.
    reads: the recipe's sections it depends on, such as `quantize.calibration`; it sees no others.
    after: the stages whose artifacts it reads.
    uses: the packages whose versions are part of its key.
    version: raise it when the stage's files would change for the same inputs.
    alone: run it with nothing beside it (it measures time).
    """

    name: str
    function: str
    title: str
    reads: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    version: int = 1
    alone: bool = False


@dataclass(frozen=True)
class Job:
    """What a stage's function is given."""

    stage: str
    recipe: Recipe  # restricted to the sections that the stage reads
    inputs: dict[str, Path]  # stage name → its artifact's folder
    output: Path  # an empty folder for the result
    scratch: Path  # survives a kill, so that long work can resume; removed once the artifact is stored
    progress: Progress
    facts: dict[str, Any] = field(default_factory=dict)  # what the plan found out, such as file hashes


def canonical(value: Any) -> str:
    """Return the JSON text of `value` that is the same for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def section(recipe: Recipe, path: str) -> Any:
    """Return the part of the recipe at a dotted path, as JSON values."""
    value: Any = recipe.model_dump(mode="json")
    for part in path.split("."):
        value = value[part]
    return value


def library_versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Return the installed version of each package, `missing` where there is none."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    return found


def ingredients(stage: Stage, recipe: Recipe, inputs: dict[str, str], facts: dict[str, Any]) -> dict[str, Any]:
    """Return all that decides a stage's result: what its key is the hash of, and what `plan` compares."""
    return {
        "stage": stage.name,
        "version": stage.version,
        "recipe": {path: section(recipe, path) for path in stage.reads},
        "inputs": inputs,
        "libraries": library_versions(stage.uses),
        "facts": facts,
    }


def key_of(parts: dict[str, Any]) -> str:
    """Return the SHA-256 (hex) of a stage's ingredients."""
    return hashlib.sha256(canonical(parts).encode()).hexdigest()
