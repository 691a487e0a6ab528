"""Writes a recipe to begin with: a copy of a ready one, with the user's model and data put in."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import yaml

from edgeforge.bundled import bundled
from edgeforge.errors import RecipeError
from edgeforge.files import write_whole
from edgeforge.foreign.wording import cause
from edgeforge.recipe.guess.own_data import OwnData, own_data
from edgeforge.recipe.label_texts import unclear
from edgeforge.recipe.model_file import resolve_model_file
from edgeforge.recipe.python_classes import class_count_argument, public_classes
from edgeforge.recipe.schema import Normalize, Recipe, is_named
from edgeforge.suggest import nearest

TEMPLATES = {"windows": "imu", "wav": "keywords", "masks": "blood_map"}  # of data of its kind
DATA = r"^data:(?: \{.*\}\n|\n(?:  .*\n)+)"
TINY = (8, 8)  # pixels: of gray ones the template's own network is
SMALL = 48  # pixels, up to which images are for a network that keeps them large
FEW = ((200, 8, 60), (1000, 16, 40))  # recordings of sound, fewer than the template's: size of a batch, epochs
SCHEMA_FILE = "edgeforge.schema.json"  # beside the recipe: what editors check it by
Task = Literal["classes", "value", "binary"]
Ask = Callable[[str, Sequence[str]], str]  # (question, answers) → one of the answers


def write_recipe(
    path: Path,
    *,
    template: str | None,
    model: str | None,
    data: Path | None = None,
    channels: int | None = None,
    rate_hz: float | None = None,
    rows: bool = False,
    task: Task | None = None,
    weights: str | None = None,
    normalize: Normalize | None = None,
    force: bool = False,
    ask: Ask | None = None,
) -> None:
    """Write a commented recipe: a ready one with the user's model, and data (see own_data), put in; and its schema.

    template: None for that of the data. channels: of the images, where they are of both kinds. rate_hz: of a sensor's
    samples, where the data does not say it; rows: each line of a table is an input of its own. task: what labels are
    that are numbers. weights: to begin with, a file or a name; normalize: of what they were trained on. Those of timm
    bring its network, unless a model is named. ask: a person, to ask what the files do not say.
    Raises RecipeError for an existing file, an unknown template or model, data of no known kind, and for what the files
    do not say where there is nobody to ask.
    """
    plain = template is None
    own = own_data(data, rate_hz, channels, rows) if data else None
    template = template or TEMPLATES.get(own.source if own else "", "digits")
    folder = bundled("recipes")
    known = sorted(file.stem for file in folder.glob("*.yaml"))
    if template not in known:
        raise RecipeError(f"--template {template}: there is no such recipe{nearest(template, known)}",
                          fix=f"one of: {', '.join(known)}")  # fmt: skip
    if re.search(r"[\x00-\x1f\x7f\x85\u2028\u2029]", path.name):
        raise RecipeError(f"{path.name!r}: a recipe's name is one line, to be typed after edgeforge build",
                          fix="choose another name")  # fmt: skip
    if path.exists() and not force:
        raise RecipeError(f"{path} exists already", fix="choose another name, or overwrite it with --force")
    text = (folder / f"{template}.yaml").read_text()
    text = _line(text, r"^#   edgeforge build .*$", f"#   edgeforge build {as_typed(path)}")
    name = re.sub(r"[^a-z0-9_-]", "-", path.stem.lower()).lstrip("-_0123456789") or "my-model"
    text = _line(text, r"^name: \S+", f"name: {_scalar(name[:40])}")
    if weights and not own:
        raise RecipeError("--weights: they go with your own data", fix="name it: --data photos/")
    taken = _channels(own, channels, ask) if own else None
    if own:
        own, task = _with_task(own, task, ask)
        text = _with_data(text, own, taken, task, name, normalize)
        text = _with_epochs(text, own.recordings.count) if own.recordings and own.recordings.count else text
        if not model and (plain or own.recordings) and (ready := _ready_model(own, taken)):
            text = _with_ready_model(text, *ready, own)
    more: dict[str, Any] = {}
    if weights and is_named(weights) and not model:
        library, _, inside = weights.partition("/")
        if library != "timm":
            raise RecipeError(f"--weights {weights}: of which network?", fix="name it: --model net.py:Net")
        model, more = "timm_model", {"name": inside.partition(".")[0]} | ({"channels": 1} if taken == 1 else {})
    if model:
        model = _one_class(model, path.parent, ask)
        file, class_name = resolve_model_file(model, path.parent)
        text = _with_model(text, model, class_count_argument(file, class_name), own, weights, more)
    try:
        write_whole(path, f"# yaml-language-server: $schema={SCHEMA_FILE}\n{text}")
        write_whole(path.with_name(SCHEMA_FILE), schema())
    except OSError as error:
        raise RecipeError(f"{path}: cannot be written: {cause(error)}", fix="choose another place") from error


def schema() -> str:
    """Return the recipe's JSON Schema, which editors check and complete a recipe by."""
    return json.dumps(Recipe.model_json_schema(), indent=1) + "\n"


def _channels(own: OwnData, said: int | None, ask: Ask | None) -> int | None:
    """Return how many channels the images have; None of recordings, and of arrays that do not say it."""
    if own.recordings:
        return None
    if own.source == "numpy" or said or own.channels:
        return own.channels if own.source == "numpy" else said or own.channels
    question = f"{own.root}: some of its images are gray and some in colour: 1 or 3 channels?"
    if ask:
        return int(ask(question, ("1", "3")))
    raise RecipeError(question, fix="say which the network takes: --channels 1 or --channels 3")


def _one_class(model: str, folder: Path, ask: Ask | None) -> str:
    """Return the model's name with its class, where its file has several."""
    file, class_name = resolve_model_file(model, folder)
    classes = public_classes(file)
    if class_name or len(classes) < 2:
        return model
    question = f"{model} defines {len(classes)} classes ({', '.join(classes)}): which is the network?"
    if ask:
        return f"{model}:{ask(question, classes)}"
    raise RecipeError(question, fix=f"name it: --model {model}:{classes[-1]}")


def _with_task(own: OwnData, said: Task | None, ask: Ask | None) -> tuple[OwnData, Task | None]:
    """Return what the labels are, where that has to be said, and the data with as many outputs."""
    found = unclear(own.labels)
    if said is None and found:
        question = f"{own.root}: labels are {found}: classes, or a value?"
        if ask is None:
            raise RecipeError(question, fix="say it: --task value, or --task classes")
        said = "value" if ask(question, ("classes", "value")) == "value" else "classes"
    if said in ("value", "binary"):  # one output
        recorded = replace(own.recordings, classes=1) if own.recordings else None
        own = replace(own, classes=1, recordings=recorded)
    return own, said


def _with_data(
    text: str, own: OwnData, channels: int | None, task: Task | None, name: str, normalize: Normalize | None
) -> str:
    """Put the user's data in; the ready recipe's normalisation goes with its data, that of weights comes with them."""
    text = _line(text, r"\A#.*$", f"# {name}: your own data.")
    text = _line(text, r"^#   python .*\n", "")  # how the ready recipe's data is made
    lines = [f"  source: {own.source}", f"  root: {_scalar(str(own.root))}"]
    if task:
        lines.append(f"  task: {task}".ljust(29) + " # what the labels are")
    if own.size:
        lines.append(f"  size: [{own.size[0]}, {own.size[1]}]              # height, width: images are cut and resized")
    if channels == 1 and own.size:
        lines.append("  channels: 1                 # gray")
    if task == "binary" and len(own.labels) == 2:
        names = ", ".join(_scalar(name) for name in sorted(own.labels))
        lines.append(f"  classes: [{names}]".ljust(29) + " # the second is the yes")
    lines += own.lines
    if own.recordings:
        return _line(text, DATA, "\n".join(["data:", *lines, *own.recordings.lines, ""]))
    lines += [
        "  validation: 0.1             # share of the training images that chooses the best epoch",
        "  test: 0.25                  # share set apart for measuring, and for nothing else",
    ]
    if normalize and channels == len(normalize.mean):
        mean, std = list(normalize.mean), list(normalize.std)
        lines.append(f"  normalize: {{mean: {mean}, std: {std}}}   # as the weights were trained")
    return _line(text, DATA, "\n".join(["data:", *lines, ""]))


def _with_epochs(text: str, recordings: int) -> str:
    """Put in smaller batches and more epochs where recordings are few: as they are, a network would learn nothing."""
    few = next(((batch, epochs) for most, batch, epochs in FEW if recordings < most), None)
    if few is None:
        return text
    text = _line(text, r"^  batch_size: \d+", f"  batch_size: {few[0]}")
    return _line(text, r"^  epochs: \d+", f"  epochs: {few[1]}")


def _ready_model(own: OwnData, channels: int | None) -> tuple[str, str] | None:
    """Return a ready network that takes such data, and its arguments; None of arrays that do not say their shape."""
    if own.recordings and own.source == "wav":
        return "ds_cnn", f"classes: {own.classes}"
    if own.recordings and own.recordings.rows:
        return "dense                 # or net.py:Class", f"classes: {own.classes}, channels: {own.recordings.inputs}"
    if own.recordings:
        return "tcn                   # or ds_cnn_1d, gru, net.py:Class", (
            f"classes: {own.classes}, channels: {own.recordings.inputs}"
        )
    size = own.size or own.pixels
    if size is None or own.classes is None or channels is None:
        return None
    of_file = " # a file in models/, or your own: path/to/file.py:Class"
    if (size, channels) == (TINY, 1):
        return f"{'digits_cnn':21}{of_file}", f"classes: {own.classes}, width: 8"
    network = "unet_tiny" if own.source == "masks" else "mobilenet_v1" if min(size) > SMALL else "resnet8"
    return f"{network:21}{of_file}", f"classes: {own.classes}, channels: {channels}"


def _with_ready_model(text: str, name: str, args: str, own: OwnData) -> str:
    """Put in a ready network that takes the data as it is, and no change of it that its kind has not."""
    text = _line(text, r"^model:\n(?:  .*\n)+", f"model:\n  name: {name}\n  args: {{{args}}}\n")
    if own.recordings and own.recordings.rows:  # one line is no movement
        return re.sub(r"^  augment: .*\n", "", text, flags=re.M)
    return text.replace(", rotate: 10}", "}") if own.recordings and own.recordings.inputs % 3 else text


def _with_model(
    text: str, model: str, argument: str | None, own: OwnData | None, weights: str | None, more: dict[str, Any]
) -> str:
    """Put the user's model in, and its weights; a ready model's arguments go with it."""
    given = more | ({argument: own.classes} if argument and own and own.classes else {})
    args = f"{{{', '.join(f'{key}: {_scalar(value)}' for key, value in given.items())}}}" if given else ""
    name = _scalar(model)
    parts = [
        f"name: {name}",
        *([f"args: {args}"] if args else []),
        *([f"weights: {_scalar(weights)}"] if weights else []),
    ]
    text = _line(text, r"^model: \{.*\}$", f"model: {{{', '.join(parts)}}}")
    below = f"  args: {args}           # arguments of its class\n" if args else ""
    below += f"  weights: {_scalar(weights)}\n" if weights else ""
    found = re.search(r"(?<=^model:\n)  name: \S+( *#.*)?\n(  args: .*\n)?", text, flags=re.M)
    return text if not found else f"{text[: found.start()]}  name: {name}{found[1] or ''}\n{below}{text[found.end() :]}"


def as_typed(path: Path) -> str:
    """Return a path as a shell takes it, on one line."""
    return re.sub(r"[\x00-\x1f\x7f]", "?", shlex.quote(str(path)))


def _line(text: str, pattern: str, line: str) -> str:
    """Replace what matches by a line as it is: no backslash in it means anything."""
    return re.sub(pattern, lambda _: line, text, count=1, flags=re.M)


def _scalar(value: Any) -> str:
    """Return a value as YAML takes it: in quotes where it would be a number, a comment or a mapping."""
    text = yaml.safe_dump([value], default_flow_style=True, width=10_000, allow_unicode=True).strip()
    return text[1:-1]
