"""The stage `engine`: the model that ships as a C library, engine/."""

from __future__ import annotations

from edgeforge.builder.stage import Job
from edgeforge.errors import StageFailed
from edgeforge.hardware.boards import board
from edgeforge.recipe.schema import Engine
from edgeforge.results.files import COMPILED_FILE
from edgeforge.results.variant import shipped_variant
from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.emit.library import write_library
from edgeforge.targets.engine.options import PORTABLE, Core, Options, core_named, core_of
from edgeforge.targets.engine.summary import summary
from edgeforge.tflite.associated_files import pure_flatbuffer


def compile_shipped(job: Job) -> None:
    """Write engine/ and compiled.json. Raises RecipeError for a layer that cannot be compiled."""
    variant, folder = shipped_variant(job.inputs, job.recipe.quantize.ship)
    if variant.file is None:
        raise StageFailed(f"{variant.name} was not made: {variant.reason}", fix="leave `engine` out of the recipe")
    wishes = job.recipe.engine or Engine()
    options = Options(core_of_recipe(job), wishes.optimize, wishes.rounding, wishes.max_ram)
    network = compile_model(pure_flatbuffer((folder / variant.file).read_bytes()), job.recipe.name, options)
    write_library(network, job.output / "engine")
    (job.output / COMPILED_FILE).write_text(summary(network).model_dump_json(indent=1))


def core_of_recipe(job: Job) -> Core:
    """Return the core of the recipe; else that of all targets, or portable C where they have several."""
    if job.recipe.engine and job.recipe.engine.core:
        return core_named(job.recipe.engine.core)
    cores = {core_of(board(key, job.recipe.boards)) for key in job.recipe.targets}
    return cores.pop() if len(cores) == 1 else PORTABLE
