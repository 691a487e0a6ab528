"""Searches that are wrong: sections of recipes, journals, storages, artifacts; and files of boards."""

from __future__ import annotations

import json
import random
import tempfile
from functools import cache
from pathlib import Path

from hostile_bytes import damaged
from hostile_cases import NO_FILES, Case, Content
from hostile_recipes import BOMB
from hostile_records import one_changed
from hostile_seeds import NET, RECIPE, npz, tflites, training_npz

SEARCH = "targets: [arduino-nano-33-ble]\nsearch:\n  trials: 2\n  over:\n    train.lr: [0.001, 0.01]\n"
FOLDER = "out/small/search"
BEST = ("search", "out/s.yaml", "--out", "out", "--best")
SECTIONS: dict[str, str] = {
    "nothing to try": SEARCH.replace("\n    train.lr: [0.001, 0.01]", " {}"),
    "an unknown key": SEARCH.replace("train.lr", "train.l"),
    "a key of its own": SEARCH.replace("train.lr", "search.trials"),
    "a section": SEARCH.replace("train.lr", "train"),
    "a hostile key": SEARCH.replace("train.lr", '"a\\n#error \\e[31m"'),
    "other types": SEARCH.replace("0.001, 0.01", "a, [1], {b: c}, null"),
    "nan": SEARCH.replace("0.001", ".nan"),
    "an endless range": SEARCH.replace("[0.001, 0.01]", "{low: 0, high: .inf}"),
    "a range from 0": SEARCH.replace("[0.001, 0.01]", "{log: [0, 1]}"),
    "tiny steps": SEARCH.replace("[0.001, 0.01]", "{low: 0.001, high: 0.002, step: 1.0e-300}"),
    "many values": SEARCH.replace("0.001, 0.01", ", ".join(f"{n}.5" for n in range(1, 40_000))),
    "equal values": SEARCH.replace("0.001, 0.01", "0.001, 0.001"),
    "many trials": SEARCH.replace("trials: 2", "trials: 1000000000"),
    "many spaces": SEARCH + "".join(f"    k{n}: [1, 2]\n" for n in range(2000)),
    "models": SEARCH.replace("train.lr: [0.001, 0.01]", "model.name: [/etc/passwd, /dev/zero]"),
    "devices": SEARCH.replace("train.lr: [0.001, 0.01]", "data.root: [/dev/zero, /proc/self/mem]"),
    "names": SEARCH.replace("train.lr: [0.001, 0.01]", "name: [../x, y]"),
    "limits": SEARCH + "  limits: {arena_bytes: .nan}\n",
    "limits of nothing": SEARCH + "  limits: {arena_bytes: 0, flash_bytes: 0}\n",
    "figures": SEARCH + "  maximize: [top1, top1]\n",
    "no board": SEARCH.partition("\n")[2],
    "another board": SEARCH + "  board: esp32-s3\n",
    "retries": SEARCH + "  retries: -1\n",
    "aliases": SEARCH.replace("[0.001, 0.01]", "*a9"),
    "right": SEARCH,
}


def _files(section: str, x: bytes = b"") -> dict[str, Content]:
    text = BOMB + RECIPE + section if "*a9" in section else RECIPE + section
    return {"out/s.yaml": text, "out/x.npz": x or training_npz(), "out/model.py": NET}


def on_sections(random: random.Random) -> Case:
    """`search` or `plan` of a recipe whose search is wrong. Its data end every trial that begins."""
    kind = random.choice(list(SECTIONS))
    verb = random.choice(("search", "search", "search", "plan"))
    files = _files(SECTIONS[kind], npz(a=0))
    return Case(verb, f"search of {kind}", (verb, "out/s.yaml", "--out", "out"), files, slow=verb == "search")


@cache
def journal() -> bytes:
    """The journal of a search of two trials that have ended."""
    from edgeforge.recipe.load import load_recipe
    from edgeforge.search.figures import values
    from edgeforge.search.space import Space
    from edgeforge.search.study import JOURNAL, Study
    from edgeforge.search.trial import CHANGES, FIGURES, SECONDS

    with tempfile.TemporaryDirectory() as place:
        for name, content in _files(SEARCH).items():
            path = Path(place) / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)  # type: ignore[arg-type]
        study = Study(Space(load_recipe(Path(place) / "out" / "s.yaml")), None, Path(place))
        for accuracy in (0.9, 0.8):
            trial = study.next()
            assert trial
            found = {"top1": accuracy, "flash_bytes": 9000.0, "arena_bytes": 4000.0, "weights_bytes": 300.0}
            with study.held(trial):
                trial.set_user_attr(FIGURES, found)
                trial.set_user_attr(SECONDS, {"train": 1.0})
                trial.set_user_attr(CHANGES, list(study.space.changes(trial.params)))
                study.optuna.tell(trial, values(study.search, found))
        return (Path(place) / JOURNAL).read_bytes()


def _journal(random: random.Random) -> tuple[str, Content]:
    right, draw = journal(), random.random()
    lines = right.splitlines(keepends=True)
    place = random.randrange(len(lines))
    if draw < 0.2:
        kind = random.choice(list(NO_FILES))
        return f"no file: {kind}", NO_FILES[kind]
    if draw < 0.45:
        how, data = damaged(right, random)
        return f"bytes {how}", data
    if draw < 0.75:
        changed = json.dumps(one_changed(json.loads(lines[place]), random)).encode() + b"\n"
        return "a value", b"".join([*lines[:place], changed, *lines[place + 1 :]])
    more: dict[str, bytes] = {
        "a line gone": b"".join(lines[:place] + lines[place + 1 :]),
        "a line twice": b"".join(lines[: place + 1] + lines[place:]),
        "the last line cut": right[: -random.randrange(1, len(lines[-1]))],
        "deep": right + b'{"op_code":' + b"[" * 200_000 + b"\n",
        "one long line": b'{"op_code":' + b"1" * 30_000_000,
        "another's": right.replace(b"train.lr", b"train.l2"),
        "no end": right + b"\0" * 5_000_000,
        "right": right,
    }
    kind = random.choice(list(more))
    return kind, more[kind]


STORAGES = ("postgresql://me:secret@127.0.0.1:1/x", "postgres://", "sqlite:////etc/passwd", "sqlite:///x.db", "mysql://x",
            "redis://127.0.0.1:1", "://", "file:///etc/passwd", "a\nb", "-x", "x" * 5000, "/", "/proc/self/mem", "..",
            "/etc/passwd", "nothing/at/all", "postgresql://%00@%zz/\x1b[31m")  # fmt: skip
ARTIFACTS = ("file:///etc/passwd", "http://127.0.0.1:1/x", "zip://h", "zip://h::file://h", "memory://x",
             "simplecache::file://h", "s3://bucket/x", "ftp://127.0.0.1:1/x", "local:///dev/zero", "nosuch://x", "://",
             "a\nb", "/etc/passwd", "/proc/self", "x" * 5000, "dir://h", "reference://h", "tar://h",
             "data:,x")  # fmt: skip


def on_searches(random: random.Random) -> Case:
    """`search --best` with a hostile journal, storage or place of artifacts; or two trials that end at once."""
    draw, files = random.random(), _files(SEARCH)
    if draw < 0.5:
        kind, files[f"{FOLDER}/journal.log"] = _journal(random)
        return Case("search", f"journal {kind}", BEST, files)
    files[f"{FOLDER}/journal.log"] = journal()
    option = random.choice(("--storage", "--artifacts", "--limits", "--to"))
    if option in ("--storage", "--artifacts", "--to") and random.random() < 0.4:
        kind = random.choice(list(NO_FILES))
        files["h"], value, kind = NO_FILES[kind], "h", f"no file: {kind}"
    else:
        values: dict[str, tuple[str, ...]] = {
            "--storage": STORAGES,
            "--artifacts": ARTIFACTS,
            "--to": ("/", "out", "..", "out/x.npz", "/dev/null", "a\nb"),
            "--limits": ("arena_bytes=nan", "arena_bytes=", "=1", "x=1", "arena_bytes=1", "top1=1e999", "top1=[1]"),
        }  # fmt: skip
        value = random.choice(values[option])
        kind = repr(value)[:24]
    if option == "--artifacts" and random.random() < 0.3:  # they are opened, and nothing is trained
        files |= _files(SEARCH, npz(a=0))
        del files[f"{FOLDER}/journal.log"]
        return Case("search", f"{option} {kind}", (*BEST[:-1], option, value), files, slow=True)
    return Case("search", f"{option} {kind}", (*BEST, option, value), files)


TOML = """\
[mine]
title = "Mine"
core = "cortex-m4f"
fqbn = "a:b:c"
clock_mhz = 64
flash_bytes = 1_000_000
ram_bytes = 256_000
core_flash_bytes = 80_000
core_ram_bytes = 40_000
source = "https://example.com"
"""
VALUES = ("nan", "inf", "-1", "0", "1e308", "9" * 400, '""', '"a\\n#error"', '"\\u001b[31m"', "[]", "{}", "true",
          "2020-01-01", '"' + "x" * 100_000 + '"', "[" * 3000 + "]" * 3000, "0x7fffffffffffffff")  # fmt: skip
TOMLS: dict[str, Content] = {
    "another name": TOML.replace("[mine]", '["a\\n#error"]'),
    "a known name": TOML.replace("[mine]", "[esp32-s3]"),
    "twice": TOML * 2,
    "many": "".join(TOML.replace("mine", f"mine{n}") for n in range(2000)) + TOML,
    "deep": "a" + ".a" * 3000 + " = 1\n" + TOML,
    "not utf-8": b"\xff\xfe" + TOML.encode(),
    "empty": "",
    "a list": "mine = [1, 2]\n",
    "yaml": "mine:\n  title: x\n",
}


def on_boards(random: random.Random) -> Case:
    """A file of boards for each verb that takes one."""
    draw = random.random()
    content: Content
    if draw < 0.25:
        kind = random.choice(list(NO_FILES))
        content, kind = NO_FILES[kind], f"no file: {kind}"
    elif draw < 0.4:
        kind, content = damaged(TOML.encode(), random)
        kind = f"bytes {kind}"
    elif draw < 0.75:
        lines = TOML.splitlines(keepends=True)
        place = random.randrange(1, len(lines))
        name = lines[place].split(" ")[0]
        lines[place] = f"{name} = {random.choice(VALUES)}\n"
        content, kind = "".join(lines), f"value of {name}"
    else:
        kind = random.choice(list(TOMLS))
        content = TOMLS[kind]
    words: dict[str, tuple[str, ...]] = {
        "fit": ("m.tflite", "--board", "mine"),
        "pack": ("m.tflite", "--board", "mine", "--labels", "0-9", "--mean", "0.3", "--std", "0.4", "--raw-max", "16",
                 "--out", "out/p"),
        "boards": (),
        "plan": ("out/s.yaml", "--out", "out", "--set", "targets=[mine]"),
        "build": ("out/s.yaml", "--out", "out", "--until", "data", "--set", "targets=[mine]"),
        "search": ("out/s.yaml", "--out", "out", "--best", "--set", "targets=[mine]"),
    }  # fmt: skip
    verb = random.choice(list(words))
    files: dict[str, Content] = {"m.tflite": tflites()["digits_int8"], "b.toml": content, **_files(SEARCH)}
    return Case(verb, f"boards {kind}", (verb, *words[verb], "--board-file", "b.toml"), files, slow=verb == "build")
