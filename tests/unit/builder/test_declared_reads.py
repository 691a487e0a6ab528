"""A stage declares every key of the recipe that it reads: else a change of it would stop a build that needs it."""

from functools import cache

import pytest
from recipe_reads import Key, fields_of, read_by

from edgeforge.builder.stage import Stage
from edgeforge.data.registry import LOADERS, SOURCES
from edgeforge.pipeline import STAGES

# Sections that a stage makes itself for what reads them, or leaves out: stage → section; `""` of every stage.
MADE: dict[str, Key] = {"qat": ("train",), "": ("quantize", "ptq", "adaround")}


@cache
def reads(stage_name: str) -> dict[Key, set[str]]:
    stage = next(one for one in STAGES if one.name == stage_name)
    start = [(stage.function.partition(":")[0], stage.function.partition(":")[2])]
    if stage.name == "data":  # which source is chosen by a string
        start += [(f"{SOURCES}.{place.partition(':')[0]}", place.partition(":")[2]) for place in LOADERS.values()]
    return read_by(start)


def undeclared(stage: Stage, declared: tuple[str, ...]) -> list[str]:
    known = [tuple(one.split(".")) for one in declared] + [MADE[name] for name in ("", stage.name) if name in MADE]
    return [
        f"{'.'.join(key)}: {', '.join(sorted(where))}"
        for key, where in sorted(reads(stage.name).items())
        if not any(key[: len(one)] == one for one in known)
    ]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_every_key_that_is_read_is_declared(stage: Stage) -> None:
    assert not undeclared(stage, stage.reads)


def test_the_check_finds_a_key_that_is_left_out() -> None:
    data = next(stage for stage in STAGES if stage.name == "data")
    for key in ("data.window", "data.ignore", "data.sound", "data.heads", "seed"):
        assert any(key in one for one in undeclared(data, tuple(one for one in data.reads if one != key))), key
    assert fields_of(("data", "labels")) == {("data", "heads"), ("data", "columns", "label")}
    assert ("model", "name") in fields_of(("model", "finished"))
