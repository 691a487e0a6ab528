"""Writes a recipe to begin with: a copy of a ready one, with the user's model put in."""

from __future__ import annotations

import re
from pathlib import Path

from edgeforge.bundled import bundled
from edgeforge.errors import RecipeError
from edgeforge.files import write_whole
from edgeforge.model_file import resolve_model_file
from edgeforge.suggest import nearest


def write_recipe(path: Path, *, template: str, model: str | None, force: bool) -> None:
    """Write a commented recipe. Raises RecipeError for an existing file, an unknown template or model."""
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
    if model:
        resolve_model_file(model, path.parent)
        text = _with_model(text, model)
    try:
        write_whole(path, text)
    except OSError as error:
        raise RecipeError(f"{path}: cannot be written: {error.strerror}", fix="choose another place") from error


def _with_model(text: str, model: str) -> str:
    """Put the user's model in; a ready model's arguments go with it."""
    text = re.sub(r"^model: \{name: [^},]+.*\}$", f"model: {{name: '{model}'}}", text, flags=re.M)
    text = re.sub(r"^(  name: )\S+( *#.*models/.*)$", rf"\g<1>{model}\g<2>", text, flags=re.M)
    return re.sub(r"^  args: .*\n", "", text, flags=re.M)
