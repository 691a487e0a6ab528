"""What a build would do: each stage's key, whether its result is in the store, and if not, why not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeforge.builder.stage import Stage, ingredients, key_of, section
from edgeforge.builder.store import Artifact, CorruptedArtifact, Store
from edgeforge.data.user_data import USER_DATA, data_digest
from edgeforge.errors import MissingDependency, RecipeError
from edgeforge.files import sha256_of
from edgeforge.recipe.load import LoadedRecipe
from edgeforge.recipe.model_file import resolve_model_file
from edgeforge.recipe.schema import OWN_SOURCES, Recipe
from edgeforge.suggest import nearest

MNIST_FILES = tuple(f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))


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
    """The steps of a build, in order."""

    loaded: LoadedRecipe
    steps: tuple[Step, ...]
    left_out: tuple[str, ...] = ()  # stages that the recipe does not ask for

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
    devices: dict[str, Path] | None = None,
) -> Plan:
    """Return what `build` would do.

    until: leave out all that this stage does not need. force: run these stages, and what depends on them, again.
    devices: what was measured on devices, by name (`devices/…`), for the stages whose `files` name it.
    before: each stage's ingredients at the last build in the same folder, to say what has changed.
    Raises RecipeError for an unknown stage or a missing file, MissingDependency for a missing package.
    """
    known = [stage.name for stage in stages]
    for name in (*force, *([until] if until else [])):
        if name not in known:
            raise RecipeError(f"'{name}' is no stage{nearest(name, known)}", fix=f"one of: {', '.join(known)}")
    wanted = _needed_by(until, stages) if until else set(known)
    left_out = tuple(stage.name for stage in stages if _not_asked_for(stage, loaded.recipe))
    for name in (*force, *([until] if until else [])):
        if name in left_out:
            part = next(stage.only_with for stage in stages if stage.name == name)
            raise RecipeError(f"the recipe has no stage '{name}'", fix=f"set {part} in the recipe")
    user = user_files(loaded) | (devices or {})
    steps: list[Step] = []
    for stage in stages:
        if stage.name in wanted and stage.name not in left_out:
            steps.append(_step(stage, loaded.recipe, user, steps, store, force, before or {}))
    return Plan(loaded, tuple(steps), left_out)


def _not_asked_for(stage: Stage, recipe: Recipe) -> bool:
    if not stage.only_with:
        return False
    value = section(recipe, stage.only_with)
    return value is None or value == []  # a limit of 0 asks for the stage


def user_files(loaded: LoadedRecipe) -> dict[str, Path]:
    """Return the user's own files that stages read, by name: `model`, `weights`, `teacher/…`, `data/…`, …"""
    recipe, folder = loaded.recipe, loaded.path.parent
    files = {"model": _model(recipe.model.name, folder, loaded.where("model.name"))}
    beside = files["model"].with_name(files["model"].name + ".data")
    if recipe.model.finished == "ONNX" and beside.is_file():
        files["model/data"] = beside  # where torch.onnx.export keeps the weights
    if recipe.distill:
        teacher, key = recipe.distill.teacher, "distill.teacher"
        files["teacher/model"] = _model(teacher.name, folder, loaded.where(f"{key}.name"))
        if teacher.weights:
            files["teacher/weights"] = _file(folder, teacher.weights, loaded.where(f"{key}.weights"))
    if recipe.model.weights:
        files["weights"] = _file(folder, recipe.model.weights, loaded.where("model.weights"))
    if recipe.quantize.calibration.file:
        where = loaded.where("quantize.calibration.file")
        files["calibration"] = _file(folder, recipe.quantize.calibration.file, where)
    if recipe.data.root and recipe.data.source == "mnist":
        files |= _mnist_files(_beside(folder, recipe.data.root), loaded.where("data.root"))
    if recipe.data.root and recipe.data.source in OWN_SOURCES:
        files[USER_DATA] = _own_data(recipe.data.source, _beside(folder, recipe.data.root), loaded.where("data.root"))
    return files


def _model(name: str, folder: Path, where: str) -> Path:
    try:
        return resolve_model_file(name, folder)[0]
    except RecipeError as error:
        raise RecipeError(f"{where}: {error.reason}", fix=error.fix) from error


def _file(folder: Path, name: str, where: str) -> Path:
    path = _beside(folder, name)
    if not path.is_file():
        raise RecipeError(f"{where}: {name}: no such file", fix="check the path, or leave it out")
    return path


def _own_data(source: str, path: Path, where: str) -> Path:
    wanted = {"image_folder": "a folder", "csv": "a file"}.get(source, "a file or folder")
    if not path.exists():
        raise RecipeError(
            f"{where}: {path}: no such file or folder", fix="check the path; it is relative to the recipe"
        )
    if source in ("cells", "matr1") and not path.is_dir():
        raise RecipeError(f"{where}: {path} is no folder", fix=f"name the folder of the data of {source}")
    if (source == "image_folder" and not path.is_dir()) or (source == "csv" and not path.is_file()):
        raise RecipeError(f"{where}: {path} is not {wanted}", fix=f"source {source} reads {wanted}")
    return path


def _mnist_files(root: Path, where: str) -> dict[str, Path]:
    paths = {f"data/{name}": root / "MNIST" / "raw" / name for name in MNIST_FILES}
    missing = [path for path in paths.values() if not path.is_file()]
    if missing:
        raise RecipeError(
            f"{where}: {missing[0]} is missing",
            fix="copy MNIST's four files there, or leave root out to download",
        )
    return paths


def _beside(folder: Path, name: str) -> Path:
    """A path in a recipe is relative to the recipe, then to the working directory."""
    path = Path(name).expanduser()
    return folder / path if (folder / path).exists() else path


def _needed_by(name: str, stages: tuple[Stage, ...]) -> set[str]:
    after = {stage.name: stage.after for stage in stages}
    needed: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        needed.add(current)
        waiting.extend(after[current])
    return needed


def _step(
    stage: Stage,
    recipe: Recipe,
    user: dict[str, Path],
    earlier: list[Step],
    store: Store,
    force: tuple[str, ...],
    before: dict[str, dict[str, Any]],
) -> Step:
    inputs = {step.stage.name: step for step in earlier if step.stage.name in stage.after}
    files = {name: path for name, path in user.items() if name.split("/")[0] in stage.files}
    hashes = {
        name: data_digest(recipe.data, path) if name == USER_DATA else sha256_of(path) for name, path in files.items()
    }
    parts = ingredients(stage, recipe, {name: step.key for name, step in inputs.items()}, hashes)
    missing = [name for name in stage.uses if parts["libraries"][name] == "missing"]
    if missing:
        raise MissingDependency(
            f"{', '.join(missing)} is not installed", fix=f"pip install {' '.join(missing)}", stage=stage.name
        )
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
    if now["version"] != before.get("version"):
        changes.append("a new version of this stage")
    inputs = [name for name, key in now["inputs"].items() if before.get("inputs", {}).get(name) != key]
    if inputs:
        changes.append("changed: " + ", ".join(inputs))
    return "; ".join(changes) or "not in the store any more"


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
