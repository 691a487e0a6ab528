"""Builds of two toy stages in a real store, without a worker: what a stage writes is given."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from places import ROOT

from edgeforge.builder.earlier import set_aside
from edgeforge.builder.plan import Plan, make_plan
from edgeforge.builder.publish import publish
from edgeforge.builder.record import note_plan, read_record
from edgeforge.builder.stage import Stage
from edgeforge.builder.store import META, Artifact, Store
from edgeforge.recipe.load import LoadedRecipe, load_recipe

STAGES = (
    Stage("one", "toy:one", "First", reads=("seed",), publish={"*.bin": "one/"}),
    Stage("two", "toy:two", "Second", reads=("data.test",), after=("one",), publish={"*.bin": "two/"}),
)


def toy_plan(out: Path, name: str, seed: int, changes: tuple[str, ...] = (), until: str | None = None) -> Plan:
    """Plan the toy recipe of a name; builds of the same seed share their artifacts."""
    before = read_record(out / name)["ingredients"]
    return make_plan(_recipe(name, seed, changes), STAGES, Store(out / ".store"), before=before, until=until)


@cache
def _recipe(name: str, seed: int, changes: tuple[str, ...]) -> LoadedRecipe:
    return load_recipe(ROOT / "recipes" / "digits.yaml", (f"name={name}", f"seed={seed}", *changes))


def toy_build(
    out: Path,
    name: str = "toy",
    seed: int = 0,
    *,
    size: int = 1000,
    stop: bool = False,
    changes: tuple[str, ...] = (),
    until: str | None = None,
) -> Plan:
    """Build it: each stage writes a file of `size` bytes, of which the first is the seed.

    With `stop` it is killed before the second stage; nothing is published then.
    """
    plan, store = toy_plan(out, name, seed, changes, until), Store(out / ".store")
    note_plan(plan, out / name)
    set_aside(plan, out / name, print)
    artifacts = {}
    for step in plan.steps[:1] if stop else plan.steps:
        made = step.artifact or put(store, step.stage.name, step.key, size, step.ingredients, seed)
        artifacts[step.stage.name] = made
    if not stop:
        publish(plan, artifacts, out / name, print)
    return plan


def put(
    store: Store,
    stage: str,
    key: str,
    size: int = 1000,
    ingredients: dict[str, object] | None = None,
    first: int = 0,
) -> Artifact:
    """Store an artifact of one file."""
    with store.new_folder(stage, key) as folder:
        (folder / "output").mkdir()
        (folder / "output" / "weights.bin").write_bytes(bytes([first])[:size] + bytes(max(size - 1, 0)))
        return store.put(stage, key, folder / "output", seconds=1.0, peak_memory_bytes=1, ingredients=ingredients or {})


def age(artifact: Path, seconds: float, now: float) -> None:
    """Let an artifact's folder have been used so long ago."""
    os.utime(artifact / META, (now - seconds, now - seconds))
