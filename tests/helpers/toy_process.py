"""A whole build of toy stages, each in a real worker: `python toy_process.py OUT SEED`. Stages import nothing heavy."""

import sys
import time
from pathlib import Path

from edgeforge.builder.stage import Job, Stage

PARTS = 6  # stages, one after the other and side by side
SIZE = 20_000  # bytes of a file


def work(job: Job) -> None:
    """Write three files that follow from the seed and the stage's inputs, not all at once."""
    before = b"".join((folder / "a.bin").read_bytes()[:8] for _, folder in sorted(job.inputs.items()))
    for name in ("a.bin", "b.bin", "sub/c.bin"):
        path = job.output / name
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as file:
            for turn in range(4):
                file.write((f"{job.recipe.seed} {job.stage} {name} ".encode() + before).ljust(SIZE // 4, bytes([turn])))
                file.flush()
                time.sleep(0.005)
        job.progress(0.5, name)


def stages() -> tuple[Stage, ...]:
    """Return them: a chain of three, and three that depend on its first."""
    after: list[tuple[str, ...]] = [(), ("s0",), ("s1",), ("s0",), ("s0", "s1"), ("s2", "s3", "s4")]
    return tuple(
        Stage(f"s{index}", "toy_process:work", "Toy", reads=("seed",), after=after[index],
              publish={"*": f"part{index}/"}) for index in range(PARTS)
    )  # fmt: skip


def main() -> int:
    """Build in OUT/toy with a seed; print what failed in one line."""
    from edgeforge import pipeline
    from edgeforge.builder.run import Watcher
    from edgeforge.errors import EdgeForgeError
    from edgeforge.recipe.load import load_recipe

    out, seed = Path(sys.argv[1]), sys.argv[2]
    recipe = Path(__file__).parents[2] / "recipes" / "digits.yaml"
    pipeline.STAGES = stages()
    try:
        pipeline.build(load_recipe(recipe, ("name=toy", f"seed={seed}")), out, Watcher())
    except EdgeForgeError as error:
        print(f"error: {error.reason} | fix: {error.fix}")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
