"""Which file a recipe's model name means."""

from __future__ import annotations

from pathlib import Path

from edgeforge.bundled import bundled
from edgeforge.errors import RecipeError
from edgeforge.recipe.schema import FINISHED, split_class
from edgeforge.suggest import nearest


def resolve_model_file(name: str, recipe_folder: Path) -> tuple[Path, str | None]:
    """Return the file of `digits_cnn`, `path/to/file.py:Class` or `file.onnx`, and the class (None: the only one).

    A path is looked for beside the recipe, then in the working directory, then among the ready models.
    Raises RecipeError with the nearest ready model.
    """
    path_name, class_name = split_class(name)
    ready = bundled("models")
    suffix = Path(path_name).suffix.lower()
    if suffix in (".pth", ".ckpt", ".safetensors"):
        raise RecipeError(
            f"{path_name} holds weights, not a network", fix="name the network, and this file in model.weights"
        )
    if suffix == ".py" or suffix in FINISHED:
        places = [folder / Path(path_name).expanduser() for folder in (recipe_folder, Path.cwd(), ready)]
        for path in places:
            if path.is_file():
                return path.resolve(), class_name
        looked = ", ".join(dict.fromkeys(str(path.parent) for path in places))
        raise RecipeError(f"no file {path_name} (looked in {looked})", fix="check the path")
    path = ready / f"{path_name}.py"
    if path.is_file():
        return path, class_name
    known = [file.stem for file in ready.glob("*.py") if not file.stem.startswith("_")]
    raise RecipeError(
        f"there is no ready model '{path_name}'{nearest(path_name, known)}",
        fix="name a ready model, or your own as path/to/file.py:Class or file.onnx",
    )
