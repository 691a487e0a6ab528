"""What `edgeforge init` can tell of a user's files without importing torch."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from edgeforge.errors import RecipeError
from edgeforge.recipe.listed_images import IMAGE_SUFFIXES

LARGEST = 96  # pixels: larger images seldom fit a microcontroller's memory


@dataclass(frozen=True)
class OwnData:
    """The `data` section of a user's files: size as (height, width), None where arrays have their own."""

    source: str
    root: Path
    size: tuple[int, int] | None
    classes: int | None


def own_data(path: Path) -> OwnData:
    """Return what a folder, table or array file is. Raises RecipeError when it is none of these."""
    if path.is_dir() and not (path / "x.npy").exists():
        from edgeforge.recipe.listed_images import list_images

        rows = list_images(path)
        return OwnData("image_folder", path, _size([row.path for row in rows]), len({row.label for row in rows}))
    if path.is_dir() or path.suffix == ".npz":
        return OwnData("numpy", path, None, None)
    if path.suffix == ".csv" and path.is_file():
        return OwnData("csv", path, (LARGEST, LARGEST), None)
    raise RecipeError(
        f"--data {path}: no folder, .csv or .npz there",
        fix=f"give a folder with a folder of images ({', '.join(IMAGE_SUFFIXES[:3])}, …) for each class",
    )


def _size(paths: list[Path]) -> tuple[int, int]:
    """Return the size that all images have, when it is small; else a square that a board can take."""
    from PIL import Image

    sizes: set[tuple[int, int]] = set()
    for path in paths[:: max(len(paths) // 50, 1)]:
        try:
            with Image.open(path) as image:
                sizes.add(image.size)
        except Exception:  # the build names it
            continue
    if len(sizes) == 1:
        width, height = sizes.pop()
        if max(width, height) <= LARGEST:
            return height, width
    return LARGEST, LARGEST


def class_count_argument(path: Path, class_name: str | None) -> str | None:
    """Return the argument of a network's constructor that takes the number of classes, where its name says so."""
    if path.suffix != ".py":
        return None
    try:
        tree = ast.parse(path.read_text())
    except (SyntaxError, UnicodeDecodeError):  # the build names the line
        return None
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and (class_name is None or node.name == class_name):
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and method.name == "__init__":
                    names = [argument.arg for argument in (*method.args.args, *method.args.kwonlyargs)]
                    return next((name for name in ("classes", "num_classes", "n_classes") if name in names), None)
    return None
