"""Writes a recipe to begin with: a copy of a ready one, with the user's model put in."""

from __future__ import annotations

import re
from pathlib import Path

from edgeforge.bundled import bundled
from edgeforge.errors import RecipeError
from edgeforge.files import write_whole
from edgeforge.foreign.wording import cause
from edgeforge.recipe.guess import OwnData, class_count_argument, own_data
from edgeforge.recipe.model_file import resolve_model_file
from edgeforge.suggest import nearest


def write_recipe(path: Path, *, template: str, model: str | None, data: Path | None = None, force: bool) -> None:
    """Write a commented recipe: a ready one with the user's model, and data (see own_data), put in.

    Raises RecipeError for an existing file, an unknown template or model, or data of no known kind.
    """
    folder = bundled("recipes")
    known = sorted(file.stem for file in folder.glob("*.yaml"))
    if template not in known:
        raise RecipeError(f"--template {template}: there is no such recipe{nearest(template, known)}",
                          fix=f"one of: {', '.join(known)}")  # fmt: skip
    if path.exists() and not force:
        raise RecipeError(f"{path} exists already", fix="choose another name, or overwrite it with --force")
    text = (folder / f"{template}.yaml").read_text()
    text = re.sub(r"^#   edgeforge build .*$", f"#   edgeforge build {path}", text, flags=re.M)
    name = re.sub(r"[^a-z0-9_-]", "-", path.stem.lower()).lstrip("-_0123456789") or "my-model"
    text = re.sub(r"^name: \S+", f"name: {name[:40]}", text, flags=re.M)
    own = own_data(data) if data else None
    if own:
        text = _with_data(text, own, name)
    if model:
        file, class_name = resolve_model_file(model, path.parent)
        text = _with_model(text, model, class_count_argument(file, class_name), own)
    try:
        write_whole(path, text)
    except OSError as error:
        raise RecipeError(f"{path}: cannot be written: {cause(error)}", fix="choose another place") from error


def _with_data(text: str, own: OwnData, name: str) -> str:
    """Put the user's data in; the ready recipe's normalisation goes with its data."""
    text = re.sub(r"\A#.*\n", f"# {name}: your own data.\n", text)
    size = ""
    if own.size:
        size = (
            f"\n  size: [{own.size[0]}, {own.size[1]}]              # height, width: images are cut and resized to it"
        )
    block = (
        f"data:\n  source: {own.source}\n  root: {own.root}{size}\n"
        "  validation: 0.1             # share of the training images that chooses the best epoch\n"
        "  test: 0.25                  # share set apart for measuring, and for nothing else\n"
    )
    return re.sub(r"^data:\n(?:  .*\n)+", lambda found: block, text, flags=re.M)


def _with_model(text: str, model: str, argument: str | None, own: OwnData | None) -> str:
    """Put the user's model in; a ready model's arguments go with it."""
    if argument and own and own.classes:
        args = f"  args: {{{argument}: {own.classes}}}           # arguments of its class\n"
        one_line = f"model: {{name: '{model}', args: {{{argument}: {own.classes}}}}}"
        text = re.sub(r"^model: \{.*\}$", one_line, text, flags=re.M)
        return re.sub(r"^(  name: )\S+( *#.*models/.*\n)(  args: .*\n)?", rf"\g<1>{model}\g<2>{args}", text, flags=re.M)
    text = re.sub(r"^model: \{name: [^},]+.*\}$", f"model: {{name: '{model}'}}", text, flags=re.M)
    text = re.sub(r"^(  name: )\S+( *#.*models/.*)$", rf"\g<1>{model}\g<2>", text, flags=re.M)
    return re.sub(r"^  args: .*\n", "", text, flags=re.M)
