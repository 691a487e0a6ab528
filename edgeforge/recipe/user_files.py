"""Which files of the user's own a recipe names: its model, weights, data and calibration inputs."""

from __future__ import annotations

import os
from pathlib import Path

from edgeforge.errors import RecipeError
from edgeforge.inputs.regular import require_regular
from edgeforge.inputs.sizes import ANY_SIZE
from edgeforge.onnx_graph.external import external_files
from edgeforge.recipe.load import LoadedRecipe
from edgeforge.recipe.model_file import resolve_model_file
from edgeforge.recipe.schema import OWN_SOURCES
from edgeforge.source_code import modules_beside
from edgeforge.suggest import nearest_file

NO_DATA = (Path("/"), Path("/proc"), Path("/sys"), Path("/dev"))  # whose files have no end
USER_DATA = "data/own"  # the name of data.root among a job's files
MNIST_FILES = tuple(f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))


def user_files(loaded: LoadedRecipe) -> dict[str, Path]:
    """Return the user's own files that stages read, by name: `model`, `weights`, `teacher/…`, `data/…`, …"""
    recipe, folder = loaded.recipe, loaded.path.parent
    files = _model("model", recipe.model.name, folder, loaded.where("model.name"))
    if recipe.model.finished == "ONNX":
        files |= _onnx_weights(files["model"], loaded.where("model.name"))
    if recipe.distill:
        teacher, key = recipe.distill.teacher, "distill.teacher"
        files |= _model("teacher/model", teacher.name, folder, loaded.where(f"{key}.name"))
        if teacher.weights and not teacher.named_weights:
            files["teacher/weights"] = _file(folder, teacher.weights, loaded.where(f"{key}.weights"))
    if recipe.model.weights and not recipe.model.named_weights:
        files["weights"] = _file(folder, recipe.model.weights, loaded.where("model.weights"))
    if recipe.quantize.calibration.file:
        where = loaded.where("quantize.calibration.file")
        files["calibration"] = _file(folder, recipe.quantize.calibration.file, where)
    if recipe.data.root and recipe.data.source == "mnist":
        files |= _mnist_files(_beside(folder, recipe.data.root), loaded.where("data.root"))
    if recipe.data.root and recipe.data.source in OWN_SOURCES:
        files[USER_DATA] = _own_data(recipe.data.source, _beside(folder, recipe.data.root), loaded.where("data.root"))
    return files


def _model(key: str, name: str, folder: Path, where: str) -> dict[str, Path]:
    """Return a model's file, and the modules beside it that it imports: `model`, `model/blocks.py`."""
    try:
        path = resolve_model_file(name, folder)[0]
    except RecipeError as error:
        raise RecipeError(f"{where}: {error.reason}", fix=error.fix) from error
    beside = modules_beside(path) if path.suffix == ".py" else {}
    return {key: path} | {f"{key}/{module}": file for module, file in beside.items()}


def _onnx_weights(path: Path, where: str) -> dict[str, Path]:
    """Return the files beside an .onnx file that hold its weights: `model/net.onnx.data`."""
    try:
        return {f"model/{location}": file for location, file in external_files(path).items()}
    except RecipeError as error:
        raise RecipeError(f"{where}: {error.reason}", fix=error.fix) from error


def _file(folder: Path, name: str, where: str) -> Path:
    path = _beside(folder, name)
    _require_file_or_folder(path, where, "check the path, or leave it out")
    if not path.is_file():
        raise RecipeError(f"{where}: {name}: no such file{nearest_file(path)}", fix="check the path, or leave it out")
    return path


def _own_data(source: str, path: Path, where: str) -> Path:
    wanted = {
        "image_folder": "a folder",
        "wav": "a folder",
        "masks": "a folder with images/ and masks/",
        "csv": "a file",
        "windows": "an .npz file, a table, or a folder of tables",
    }.get(source, "a file or folder")
    _require_file_or_folder(path, where, f"name {wanted}")
    if not path.exists():
        raise RecipeError(
            f"{where}: {path}: no such file or folder{nearest_file(path)}",
            fix="check the path; it is relative to the recipe",
        )
    if path.resolve() in NO_DATA or any(place in path.resolve().parents for place in NO_DATA[1:]):
        raise RecipeError(f"{where}: {path}: this is no folder of data", fix=f"name {wanted} of your own")
    if source in ("cells", "matr1") and not path.is_dir():
        raise RecipeError(f"{where}: {path} is no folder", fix=f"name the folder of the data of {source}")
    if (source in ("image_folder", "wav", "masks") and not path.is_dir()) or (source == "csv" and not path.is_file()):
        raise RecipeError(f"{where}: {path} is not {wanted}", fix=f"source {source} reads {wanted}")
    return path


def _require_file_or_folder(path: Path, where: str, fix: str) -> None:
    """Raise RecipeError for what is there and is neither, a device or a link that leads back, by what it is."""
    if path.is_dir() or not os.path.lexists(path):
        return
    try:
        require_regular(path, fix, ANY_SIZE)
    except RecipeError as error:
        raise RecipeError(f"{where}: {error.reason}", fix=error.fix) from error


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
    return folder / path if os.path.lexists(folder / path) else path
