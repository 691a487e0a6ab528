"""Options of every verb, found in the commands themselves: a new option is met without a word here."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_type_hints

from hostile_cases import NO_FILES, Case, Content
from hostile_recipes import NUMBERS, STRINGS, kinds_in
from hostile_searches import SEARCH, journal
from hostile_seeds import NET, RECIPE, as_json, float_tflite, record, report_json, samples_npz, tflites, training_npz
from hostile_tflite import BOARD
from typer.models import ArgumentInfo, ParameterInfo

PREPARED = ("--mean", "0.3", "--std", "0.4", "--raw-max", "16")
# A right command line of each verb, to which one wrong option is added.
RIGHT: dict[str, tuple[str, ...]] = {
    "bench": ("m.tflite", "--runs", "20", "--warmup", "1"),
    "verify": ("f.tflite", "i.tflite"),
    "fit": ("m.tflite", *BOARD),
    "edgetpu": ("m.tflite",),
    "inspect": ("m.tflite",),
    "list": ("--out", "out"),
    "compile": ("m.tflite", "--out", "out/lib"),
    "pack": (
        "m.tflite",
        *BOARD,
        "--labels",
        "0-9",
        "--out",
        "out/p",
        "--mean",
        "0.3",
        "--std",
        "0.4",
        "--raw-max",
        "16",
    ),
    "plan": ("r.yaml", "--out", "out"),
    "build": ("r.yaml", "--out", "out", "--until", "data"),
    "init": ("out/n.yaml",),
    "search": ("out/s.yaml", "--out", "out", "--best"),
    "clean": ("--out", "out"),
    "report": ("b",),
    "compare": ("b", "b"),
    "boards": (),
    "doctor": (),
    "deploy": ("b", "--host", "nobody@127.0.0.1", "--port", "1"),
    "serve": ("b",),
    "monitor": ("--port", "nothing", "--build", "b"),
}
NEVER = ("doctor",)  # it takes no option worth one, and ten seconds


@dataclass(frozen=True)
class Option:
    """An option or argument of a verb, as it is declared."""

    verb: str
    name: str  # --max-ram, or the argument's name
    annotation: Any
    argument: bool

    @property
    def numeric(self) -> bool:
        return any(kind in (int, float) for kind in kinds_in(self.annotation))

    @property
    def flag(self) -> bool:
        return self.annotation is bool

    @property
    def path(self) -> bool:
        return Path in kinds_in(self.annotation)


@cache
def options() -> tuple[Option, ...]:
    """Every option and argument of every verb."""
    from edgeforge.cli.app import app

    found = []
    for command in app.registered_commands:
        assert command.callback
        verb = command.name or command.callback.__name__
        for name, hint in get_type_hints(command.callback, include_extras=True).items():
            told = [part for part in getattr(hint, "__metadata__", ()) if isinstance(part, ParameterInfo)]
            if told and verb not in NEVER and name != "debug":
                opts = getattr(told[0], "param_decls", None) or (f"--{name.replace('_', '-')}",)
                argument = isinstance(told[0], ArgumentInfo)
                found.append(Option(verb, name if argument else opts[0], get_args(hint)[0], argument))
    return tuple(found)


def files() -> dict[str, Content]:
    return {"m.tflite": tflites()["digits_int8"], "i.tflite": tflites()["chain_int8"], "f.tflite": float_tflite(),
            "r.yaml": RECIPE, "x.npz": training_npz(), "model.py": NET, "s.npz": samples_npz(),
            "b/report.json": report_json(), "b/.edgeforge.json": as_json(record()), "out/s.yaml": RECIPE + SEARCH,
            "out/x.npz": training_npz(), "out/model.py": NET, "out/small/search/journal.log": journal()}  # fmt: skip


def on_right(random: random.Random) -> Case:
    """A right command line, for what it writes; builds of every length."""
    verb = random.choice((*RIGHT, "build", "build"))
    words = RIGHT[verb]
    if verb == "build":
        words = (*words[:-1], random.choice(("data", "train", "onnx", "tflite", "fit", "report")))
    if verb in ("verify", "fit", "inspect") and random.random() < 0.3:
        words = (*words, "--json") if verb == "verify" else (*words, *PLOTS[verb])
    return Case(verb, f"right {verb}", (verb, *words), files(), slow=verb in ("build", "doctor"))


PLOTS = {"fit": ("--plot", "out/a.svg"), "inspect": ("--html", "out/a.html")}


def text_of(value: object) -> str:
    return str(value)


def values_of(option: Option) -> tuple[object, ...]:
    if option.numeric:
        return (*NUMBERS, "1e400", "0x10", "１", "1_000", 100_000, 2**63)
    if option.path:
        return ("", "/", "/dev/null", "/proc/self/mem", "nothing", "h", "a\nb", "x" * 5000, "-x", "..")
    more = ("nan", "inf", "0,nan", "nan,nan", ",", "a=b", "a=1,-1,8,8", "input=1,99999999999,8,1", "x=1e9", "=",
            "inf..nan", "box=value:", "kind=classes:a,a", "0.4@nan", "-oProxyCommand=true", "9e999GB", "nanGB", "-1d",
            "infd")  # fmt: skip
    return (*STRINGS, *more)


def on_options(random: random.Random) -> Case:
    """One verb with one option of an extreme value."""
    option = random.choice(options())
    verb = option.verb
    value = text_of(random.choice(values_of(option))).replace("\x00", "")
    found = files()
    if value == "h":
        kind = random.choice(list(NO_FILES))
        found["h"] = NO_FILES[kind]
        value, name = "h", f"no file: {kind}"
    else:
        name = repr(value)[:24]
    right = RIGHT.get(verb, ())
    if option.argument:
        words = (verb, value, *right[1:])
    elif option.flag:
        words = (verb, *right, option.name)
    elif (verb, option.name) == ("init", "path"):
        words = (verb, value)
    else:
        words = (verb, *right, option.name, value)
    wrong = option.numeric and value.lower() in ("nan", "inf", "-inf", "", "1e400", "1e308", str(10**30), "1e+308")
    return Case(verb, f"{option.name} {name}", words, found, wrong, slow=verb == "build")
