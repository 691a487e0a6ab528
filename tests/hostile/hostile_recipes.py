"""Recipes, boards in them, and numbers: every key of the schema is walked."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import yaml
from hostile_bytes import damaged
from hostile_cases import NO_FILES, Case, Content
from hostile_seeds import NET, RECIPE, training_npz
from pydantic import BaseModel

from edgeforge.recipe.schema import Recipe

NUMBERS = (float("nan"), float("inf"), -float("inf"), 1e308, 10**30, -1, 0, "", 10**9, -0.0, 1e-320)
STRINGS = (
    "",
    " ",
    "-x",
    "a\nb",
    "\x1b[31m",
    "[/]",
    "../../x",
    "$(id)",
    "x" * 10_000,
    "\udc80".encode("utf-8", "replace").decode(),
    "~",
    "/",
)


def sections(model: type[BaseModel] = Recipe, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the path and the annotation of every key of the recipe, sections of sections too."""
    for name, field in model.model_fields.items():
        place = (*path, field.alias or name)
        yield place, field.annotation
        for kind in kinds_in(field.annotation):
            if isinstance(kind, type) and issubclass(kind, BaseModel) and len(path) < 6:
                named = any(get_origin(one) is dict for one in kinds_in(field.annotation))
                inner = (*place, "own") if named else place
                yield from sections(kind, inner)


def kinds_in(annotation: Any) -> list[Any]:
    """Return the types inside an annotation."""
    parts = [part for part in get_args(annotation) if part is not Ellipsis]
    return [annotation, *(kind for part in parts for kind in kinds_in(part))]


def numeric(annotation: Any) -> bool:
    return any(kind in (int, float) for kind in kinds_in(annotation))


def with_value(path: tuple[str, ...], value: object, annotation: Any) -> str:
    """Return the small recipe with one key changed; a list where the key is of one."""
    recipe = yaml.safe_load(RECIPE)
    place = recipe
    for key in path[:-1]:
        inner = place.get(key)
        if key == "ptq":
            inner = [{}] if not isinstance(inner, list) else inner
            place[key] = inner
            place = inner[0]
            continue
        if not isinstance(inner, dict):
            whole = {"over": {"low": 1, "high": 4}, "heads": {"task": "binary"}}  # what else such a section must say
            place[key] = inner = next((dict(whole[one]) for one in path if key == "own" and one in whole), {})
        place = inner
    base = next((kind for kind in kinds_in(annotation) if get_origin(kind) in (tuple, dict)), None)
    if base is not None and get_origin(base) is dict:
        place[path[-1]] = {"own": value}
    elif base is not None:
        place[path[-1]] = [value] * 2
    else:
        place[path[-1]] = value
    return yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True)


BOMB = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))
SET_BOMB = "[&a [x], " + ", ".join(f"&{chr(97 + n)} [{', '.join([f'*{chr(96 + n)}'] * 9)}]" for n in range(1, 12)) + "]"
TEXTS: dict[str, Content] = {
    "bomb": RECIPE + "model_: 1\n" + BOMB,
    "bomb in args": RECIPE.replace("name: 'model.py:Net'", "name: 'model.py:Net', args: {x: *a9}") + BOMB,
    "bomb above": BOMB + RECIPE.replace("{name: 'model.py:Net'}", "{name: 'model.py:Net', args: {x: *a9}}"),
    "alias of itself": "a: &a [*a]\n" + RECIPE,
    "deep": "a: " + "[" * 3000 + "]" * 3000 + "\n" + RECIPE,
    "deep maps": "".join("  " * n + f"k{n}:\n" for n in range(900)),
    "python tag": RECIPE + "evil: !!python/object/apply:os.system ['touch ../keep.txt']\n",
    "binary": bytes(range(256)) * 20,
    "nul": RECIPE.replace("small", "sm\0all"),
    "long key": "k" * 900_000 + ": 1\n" + RECIPE,
    "a list": "- 1\n- 2\n",
    "two documents": RECIPE + "---\n" + RECIPE,
    "merge": "base: &b {x: 1}\n<<: *b\n" + RECIPE,
    "utf-16": RECIPE.encode("utf-16"),
    "sexagesimal": RECIPE.replace("epochs: 1", "epochs: 190:20:30"),
    "date": RECIPE.replace("epochs: 1", "epochs: 2001-01-01"),
    "big number": RECIPE.replace("epochs: 1", "epochs: " + "9" * 20_000),
    "numbers as words": RECIPE.replace("epochs: 1", "epochs: '1_0'"),
    "surrogates": RECIPE.replace("small", '"\\ud800"'),
    "duplicates": RECIPE.replace("[dynamic]", "[dynamic, dynamic]"),
    "duplicate variants": RECIPE.replace("[float32, int8]", "[float32, float32, int8, int8]"),
    "duplicate targets": RECIPE + "targets: [arduino-nano-33-ble, arduino-nano-33-ble]\n",
    "duplicate classes": RECIPE.replace("root: x.npz", "root: x.npz, classes: [a, a, b, c]"),
    "empty classes": RECIPE.replace("root: x.npz", "root: x.npz, classes: ['', '', '', '']"),
    "hostile classes": RECIPE.replace("root: x.npz", 'root: x.npz, classes: ["a\\n#error", "b\\\\", "*/", "<b>"]'),
    "root is a folder": RECIPE.replace("x.npz", "/"),
    "root is /proc": RECIPE.replace("x.npz", "/proc/self/mem"),
    "root is a device": RECIPE.replace("x.npz", "/dev/zero"),
}


def _files(recipe: Content) -> dict[str, Content]:
    return {"r.yaml": recipe, "x.npz": training_npz(), "model.py": NET}


def on_texts(random: random.Random) -> Case:
    """`plan` or `build` of a recipe that is wrong as a text or as a file."""
    draw = random.random()
    content: Content
    if draw < 0.2:
        kind = random.choice(list(NO_FILES))
        content, kind = NO_FILES[kind], f"no file: {kind}"
    elif draw < 0.45:
        kind, content = damaged(RECIPE.encode(), random)
        kind = f"bytes {kind}"
    else:
        kind = random.choice(list(TEXTS))
        content = TEXTS[kind]
    verb = random.choice(("plan", "plan", "build"))
    until = ("--until", "data") if verb == "build" else ()
    return Case(verb, f"recipe {kind}", (verb, "r.yaml", "--out", "out", *until), _files(content), slow=verb == "build")


def on_keys(random: random.Random) -> Case:
    """`plan` of a recipe with an extreme number or word at any key; sometimes a build of it."""
    path, annotation = random.choice(list(sections()))
    value = random.choice(NUMBERS if numeric(annotation) else (*STRINGS, *NUMBERS[:3]))
    name = ".".join(path)
    try:
        recipe = with_value(path, value, annotation)
    except Exception:
        recipe = RECIPE
    infinite = (
        "args" not in path and isinstance(value, float) and (value != value or value in (float("inf"), -float("inf")))
    )
    if random.random() < 0.3:
        shown = yaml.safe_dump(value, default_flow_style=True).splitlines()[0]
        words = ("plan", "r.yaml", "--out", "out", "--set", f"{name}={shown}")
        return Case("plan", f"--set {name}", words, _files(RECIPE), infinite)
    return Case("plan", f"key {name}", ("plan", "r.yaml", "--out", "out"), _files(recipe), infinite)


STARTS = (("trainer", "devices"), ("trainer", "num_nodes"), ("train", "batch_size"), ("measure", "threads"),
          ("train", "lr"), ("seed",), ("data", "validation"), ("data", "test"), ("train", "weight_decay"),
          ("trainer", "accumulate_grad_batches"), ("trainer", "max_steps"), ("trainer", "limit_train_batches"),
          ("trainer", "precision"), ("data", "normalize", "std"), ("quantize", "calibration", "samples"))  # fmt: skip


def on_starts(random: random.Random) -> Case:
    """A build that is to train with an extreme number, which ends as one error or as a build."""
    path = random.choice(STARTS)
    annotation = dict(sections())[path]
    value = random.choice((*NUMBERS, 2, 100_000))
    recipe = with_value(path, value, annotation)
    words = ("build", "r.yaml", "--out", "out", "--until", "train")
    return Case("build", f"key {'.'.join(path)}", words, _files(recipe), slow=True)


SETS = (f"model.args.x={SET_BOMB}", "=1", "a", "..=1", "train.epochs=", "train.epochs=[", "train=1",
        "model.args=&a [*a]",
        "train.epochs=!!python/name:os.system", "data=null", "x" * 5000 + "=1", "train.lr=.nan", "train.lr=.inf",
        "train.lr=1e999", "name=''", "targets=['','']", "\x00=1", "train.epochs=1\n2", "ship.a.b.c=1", "data.root=",
        "model.args.x=" + "[" * 2000 + "]" * 2000, "trainer.devices=1000000000", "trainer.num_nodes=2",
        "data.classes=[a,a,b,c]", "quantize.tflite.variants=[int8,int8]")  # fmt: skip


def on_sets(random: random.Random) -> Case:
    """`plan --set`, `--until`, `--force` with what is none."""
    draw = random.random()
    if draw < 0.75:
        value = random.choice(SETS)
        words = ("plan", "r.yaml", "--out", "out", "--set", value)
        kind = f"--set {value[:30]!r}"
    else:
        option = random.choice(("--until", "--force"))
        value = random.choice(("", " ", "nothing", "data,train", "../x", "\x1b[31m", "-1"))
        words = ("plan", "r.yaml", "--out", "out", option, value)
        kind = f"{option} {value!r}"
    words = tuple(word.replace("\x00", "\x01") for word in words)
    return Case("plan", kind, words, _files(RECIPE), must_refuse=draw >= 0.75)


BOARD_KEYS = ("flash_bytes", "ram_bytes", "core_flash_bytes", "core_ram_bytes", "clock_mhz", "stack_bytes")
assert Recipe.model_fields["boards"]
