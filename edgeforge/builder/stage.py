"""What a stage is, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeforge.recipe.schema import Recipe
from edgeforge.recipe.sections.section import Section

Progress = Callable[[float, str], None]
Validated = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True)
class Stage:
    """One step of a build.

    function: `module:name` of a function that takes a Job and writes files into `job.output`; named and not
        imported, since importing it may take seconds. The code of its module, and of all that this imports, is part
        of its key.
    reads: the recipe's sections it depends on, such as `quantize.calibration`; it sees no others.
    after: the stages whose artifacts it reads.
    uses: the packages it needs; their versions are part of its key.
    files: the names of the user's own files it reads (see `recipe/user_files.py`); their hashes are part of its key.
    publish: glob of the artifact's files → what stands before their names in the build folder, such as
        `tflite/{name}_`, where {name} is the recipe's.
    alone: run it with nothing beside it (it measures time).
    environment: variables of its worker process, beside those that all have.
    may_use: packages that it does without where they are missing; their versions are part of its key all the same.
    only_with: the part of the recipe without which the stage is left out, such as `prune`.
    asked_by: how a recipe asks for it, in words, where that is not by setting `only_with`.
    programs: programs that it runs where they are on the PATH; their hashes are part of its key.
    chosen: the modules that it imports by a string, as a recipe chooses them; their code is part of its key too.
    needs: the packages that a recipe's choices need besides, and no result depends on.
    builds_on: those that they need besides, and whose versions are part of its key.
    waits_for: stages that must have ended well before it begins, though it reads nothing of theirs and its key does not
        know them.
    """

    name: str
    function: str
    title: str
    reads: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    publish: Mapping[str, str] = field(default_factory=dict)
    alone: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    only_with: str | None = None
    asked_by: str = ""
    programs: tuple[str, ...] = ()
    may_use: tuple[str, ...] = ()
    chosen: Callable[[Recipe], tuple[str, ...]] = lambda recipe: ()
    needs: Callable[[Recipe], tuple[str, ...]] = lambda recipe: ()
    builds_on: Callable[[Recipe], tuple[str, ...]] = lambda recipe: ()
    waits_for: tuple[str, ...] = ()


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
    validated: Validated = lambda epoch, figures: None  # tells of an epoch (from 1) of a training


def may_start(stage: Stage, running: Collection[Stage], jobs: int) -> bool:
    """Say whether a stage may begin beside those that run: `jobs` at most, and none beside one that is alone."""
    if stage.alone:
        return not running
    return len(running) < jobs and not any(other.alone for other in running)


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
