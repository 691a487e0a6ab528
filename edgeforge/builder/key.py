"""The key that names a stage's result: the hash of all that decides it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from edgeforge.builder.stage import Stage
from edgeforge.files import sha256_of
from edgeforge.recipe.schema import Recipe


def canonical(value: Any) -> str:
    """Return the JSON text of `value` that is the same for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def section(values: Any, path: str) -> Any:
    """Return the part of a recipe's JSON values (`known_of`) at a dotted path."""
    value = values
    for part in path.split("."):
        value = value[part]
    return value


@dataclass(frozen=True)
class Known:
    """What all stages of one plan share: the recipe as JSON values, and each package's version, read once.

    Never longer than a plan: in a notebook another version may be installed before the next one.
    """

    recipe: Any
    version_of: Callable[[str], str]


def known_of(recipe: Recipe) -> Known:
    """Return what the stages of a plan of this recipe share."""
    return Known(recipe.model_dump(mode="json"), cache(installed_version))


def installed_version(package: str) -> str:
    """Return a package's version, `missing` where there is none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def library_versions(packages: tuple[str, ...], version_of: Callable[[str], str] = installed_version) -> dict[str, str]:
    """Return the installed version of each package, `missing` where there is none."""
    return {package: version_of(package) for package in packages}


def program_hashes(programs: tuple[str, ...]) -> dict[str, str]:
    """Return the SHA-256 of each program on the PATH, `missing` where there is none."""
    paths = {program: shutil.which(program) for program in programs}
    return {program: sha256_of(Path(path)) if path else "missing" for program, path in paths.items()}


def ingredients(
    stage: Stage, known: Known, inputs: dict[str, str], files: dict[str, str], code: dict[str, str]
) -> dict[str, Any]:
    """Return all that decides a stage's result: what its key is the hash of, and what `plan` compares.

    inputs: the keys of the stages whose artifacts it reads. files: the hashes of the user's files. code: those of its
    modules, see `PackageCode`.
    """
    return {
        "stage": stage.name,
        "function": stage.function,
        "code": code,
        "recipe": {path: section(known.recipe, path) for path in stage.reads},
        "inputs": inputs,
        "libraries": library_versions(stage.uses + stage.may_use, known.version_of),
        "files": files,
        **({"programs": program_hashes(stage.programs)} if stage.programs else {}),
    }


def key_of(parts: dict[str, Any]) -> str:
    """Return the SHA-256 (hex) of a stage's ingredients."""
    return hashlib.sha256(canonical(parts).encode()).hexdigest()
