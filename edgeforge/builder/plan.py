"""What a build would do: each stage's key, whether its result is in the store, and if not, why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeforge.builder.key import Known, ingredients, key_of, known_of, library_versions
from edgeforge.builder.stage import Stage
from edgeforge.builder.store import Artifact, CorruptedArtifact, Store
from edgeforge.errors import RecipeError
from edgeforge.extras import missing
from edgeforge.files import sha256_of
from edgeforge.recipe.load import LoadedRecipe
from edgeforge.recipe.schema import Recipe
from edgeforge.source_code import PackageCode
from edgeforge.suggest import nearest

NAMED = 3  # changed modules that a stage's reason names
Digest = Callable[[str, Path], str]  # (name, file or folder) → SHA-256 (hex)


@dataclass(frozen=True)
class Step:
    """One stage of a plan. `artifact` is set when nothing needs to run; `why` says why it must."""

    stage: Stage
    key: str
    ingredients: dict[str, Any]
    files: dict[str, Path]
    artifact: Artifact | None
    why: str

    @property
    def inputs(self) -> tuple[str, ...]:
        """The stages whose artifacts it reads: those of `stage.after` that are not left out of the build."""
        return tuple(self.ingredients["inputs"])


@dataclass(frozen=True)
class Plan:
    """The steps of a build, in order; `keys` are those of all stages that the recipe asks for, `--until` or not."""

    loaded: LoadedRecipe
    steps: tuple[Step, ...]
    keys: Mapping[str, str]
    left_out: tuple[str, ...] = ()  # stages that the recipe does not ask for
    warnings: tuple[str, ...] = ()  # what a person should know before anything runs

    @property
    def recipe(self) -> Recipe:
        """The validated recipe."""
        return self.loaded.recipe

    @property
    def up_to_date(self) -> bool:
        """Say whether every step's result is in the store."""
        return all(step.artifact for step in self.steps)


def make_plan(
    loaded: LoadedRecipe,
    stages: tuple[Stage, ...],
    store: Store,
    *,
    until: str | None = None,
    force: tuple[str, ...] = (),
    before: dict[str, dict[str, Any]] | None = None,
    files: Mapping[str, Path] | None = None,
    digest: Digest = lambda name, path: sha256_of(path),
    code: PackageCode | None = None,
) -> Plan:
    """Return what `build` would do.

    until: leave out all that this stage does not need. force: run these stages, and what depends on them, again.
    files: the user's own files by name, for the stages whose `files` name them (`model`, `data/…`, `devices/…`).
    digest: the hash of one of these files, or of all that a folder among them holds.
    before: each stage's ingredients at the last build in the same folder, to say what has changed.
    code: EdgeForge's own, unless the running one is meant.
    Raises RecipeError for an unknown stage or a missing file, MissingDependency for a missing package.
    """
    known = [stage.name for stage in stages]
    for name in (*force, *([until] if until else [])):
        if name not in known:
            raise RecipeError(f"'{name}' is no stage{nearest(name, known)}", fix=f"one of: {', '.join(known)}")
    left_out = tuple(stage.name for stage in stages if _not_asked_for(stage, loaded.recipe))
    asked_for = tuple(stage for stage in stages if stage.name not in left_out)
    wanted = _needed_by(until, asked_for) if until else set(known)
    for name in (*force, *([until] if until else [])):
        if name in left_out:
            stage = next(stage for stage in stages if stage.name == name)
            fix = stage.asked_by or f"set {stage.only_with} in the recipe"
            raise RecipeError(f"the recipe has no stage '{name}'", fix=fix)
    known_now = known_of(loaded.recipe)
    asked = [stage for stage in stages if stage.name in wanted and stage.name not in left_out]
    _require_packages(asked, loaded.recipe, known_now)
    user_files = _Files(files or {}, digest)
    code = code or PackageCode()
    keys: dict[str, str] = {}
    steps: list[Step] = []
    for stage in stages:
        if stage.name not in left_out:
            parts = _ingredients(stage, loaded.recipe, known_now, keys, user_files, code)
            keys[stage.name] = key_of(parts)
            if stage.name in wanted:
                steps.append(_step(stage, parts, steps, user_files.of(stage), store, force, (before or {})))
    return Plan(loaded, tuple(steps), keys, left_out)


@dataclass
class _Files:
    """The user's own files, each hashed once."""

    paths: Mapping[str, Path]
    digest: Digest
    known: dict[str, str] = field(default_factory=dict)

    def of(self, stage: Stage) -> dict[str, Path]:
        return {name: path for name, path in self.paths.items() if name.split("/")[0] in stage.files}

    def hashes(self, stage: Stage) -> dict[str, str]:
        for name, path in self.of(stage).items():
            if name not in self.known:
                self.known[name] = self.digest(name, path)
        return {name: self.known[name] for name in self.of(stage)}


def _require_packages(stages: list[Stage], recipe: Recipe, known: Known) -> None:
    """Raise MissingDependency with all packages that a build would miss: one installation, not one a stage."""
    needed = (name for stage in stages for name in (*stage.uses, *stage.needs(recipe), *stage.builds_on(recipe)))
    versions = library_versions(tuple(dict.fromkeys(needed)), known.version_of)
    absent = [name for name, found in versions.items() if found == "missing"]
    if absent:
        raise missing(absent)


def _not_asked_for(stage: Stage, recipe: Recipe) -> bool:
    if not stage.only_with:
        return False
    value: Any = recipe
    for part in stage.only_with.split("."):
        value = getattr(value, part)
    return value is None or value == ()  # a limit of 0 asks for the stage


def _needed_by(name: str, stages: tuple[Stage, ...]) -> set[str]:
    after = {stage.name: (*stage.after, *stage.waits_for) for stage in stages}
    needed: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        needed.add(current)
        waiting.extend(after.get(current, ()))  # of a stage that is left out, nothing
    return needed


def _ingredients(
    stage: Stage, recipe: Recipe, known: Known, keys: Mapping[str, str], user_files: _Files, code: PackageCode
) -> dict[str, Any]:
    inputs = {name: key for name, key in keys.items() if name in stage.after}
    modules = code.of((stage.function.split(":")[0], *stage.chosen(recipe)))
    parts = ingredients(stage, known, inputs, user_files.hashes(stage), modules)
    parts["libraries"] |= library_versions(stage.builds_on(recipe), known.version_of)
    return parts


def _step(
    stage: Stage,
    parts: dict[str, Any],
    earlier: list[Step],
    files: dict[str, Path],
    store: Store,
    force: tuple[str, ...],
    before: dict[str, dict[str, Any]],
) -> Step:
    inputs = {step.stage.name: step for step in earlier if step.stage.name in stage.after}
    key = key_of(parts)
    stale = [name for name, step in inputs.items() if not step.artifact]
    if stage.name in force:
        return Step(stage, key, parts, files, None, "forced")
    if any(inputs[name].why.startswith("forced") for name in stale):
        return Step(stage, key, parts, files, None, "forced, as it depends on " + ", ".join(stale))
    try:
        artifact = store.get(stage.name, key)
    except CorruptedArtifact as error:
        return Step(stage, key, parts, files, None, f"corrupted in the store: {error}")
    why = "" if artifact else _why(parts, before.get(stage.name))
    return Step(stage, key, parts, files, artifact, why)


def _why(now: dict[str, Any], before: dict[str, Any] | None) -> str:
    """Say what differs from the last build, the nearest cause first."""
    if before is None:
        return "never built here"
    changes = []
    for part in ("recipe", "files", "libraries", "programs"):
        changes += _changed(now.get(part, {}), before.get(part, {}))
    changes += _changed_code(now["code"], before.get("code", {}))
    inputs = [name for name, key in now["inputs"].items() if before.get("inputs", {}).get(name) != key]
    if inputs:
        changes.append("changed: " + ", ".join(inputs))
    return "; ".join(changes) or "not in the store any more"


def _changed_code(now: dict[str, str], before: dict[str, str]) -> list[str]:
    names = [name for name in sorted(now.keys() | before.keys()) if now.get(name) != before.get(name)]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return [f"code: {', '.join(names[:NAMED])}{more}"] if names else []


def _changed(now: Any, before: Any, path: str = "") -> list[str]:
    if isinstance(now, dict) and isinstance(before, dict):
        found = []
        for name in sorted(now.keys() | before.keys()):
            found += _changed(now.get(name), before.get(name), f"{path}.{name}" if path else name)
        return found
    return [] if now == before else [f"{path}: {_short(before)} → {_short(now)}"]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 24 else text[:21] + "…"
