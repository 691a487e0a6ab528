"""The stage `latency`: every variant in turn, one image at a time, so that all meet the same disturbances."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from edgeforge.builder.stage import Job
from edgeforge.data.splits import read_preprocessing, read_split
from edgeforge.evaluate.measure import reference_of
from edgeforge.evaluate.memory import memory_of
from edgeforge.evaluate.statistics import paired_bootstrap_ratio
from edgeforge.results.files import LATENCY_FILE
from edgeforge.results.rows.report import Latency
from edgeforge.results.variant import read_variants
from edgeforge.runtimes.load import load_runner

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def measure_latency(job: Job) -> None:
    """Write latency.json: variant name → {latency_ms: schema.Latency, peak_memory_bytes}."""
    settings = job.recipe.measure
    files = {
        variant.name: folder / variant.file
        for folder in job.inputs.values()
        for variant in read_variants(folder)
        if variant.file
    }
    raw, _ = read_split(job.inputs["data"], "test")
    image = read_preprocessing(job.inputs["data"]).apply(raw[:1])
    memory = {}
    for done, (name, path) in enumerate(files.items()):
        job.progress(0.4 * done / len(files), f"memory of {name}")
        memory[name] = memory_of(path, image)
    calls = {name: load_runner(path, settings.threads).single(image) for name, path in files.items()}
    job.progress(0.5, f"{settings.runs} runs of {len(calls)} variants in turn")
    times = interleaved_ms(calls, settings.runs, settings.warmup)
    reference = reference_of(times)
    rows = {
        name: {
            "latency_ms": _latency(
                values, None if name == reference else times[reference], settings.threads, job.recipe.seed
            ).model_dump(),
            "peak_memory_bytes": memory[name],
        }
        for name, values in times.items()
    }
    (job.output / LATENCY_FILE).write_text(json.dumps(rows, indent=1))


def interleaved_ms(calls: dict[str, Callable[[], object]], runs: int, warmup: int) -> dict[str, NDArray[np.float64]]:
    """Return `runs` times in ms of each call, taken in turn after `warmup` rounds."""
    import numpy as np

    times: dict[str, NDArray[np.float64]] = {name: np.empty(runs) for name in calls}
    gc.collect()
    gc.disable()  # a collection in the middle would be charged to one variant
    try:
        for run in range(-warmup, runs):
            for name, call in calls.items():
                call()  # brings this model's weights back into the cache, as when it runs alone
                started = time.perf_counter_ns()
                call()
                if run >= 0:
                    times[name][run] = (time.perf_counter_ns() - started) / 1e6
    finally:
        gc.enable()
    return times


def _latency(times: NDArray[np.float64], reference: NDArray[np.float64] | None, threads: int, seed: int) -> Latency:
    import numpy as np

    p50, p99 = np.percentile(times, (50, 99))
    row = Latency(p50=float(p50), p99=float(p99), threads=threads, runs=len(times), verdict="reference")
    if reference is not None:
        row.ratio, row.ratio_low, row.ratio_high, row.verdict = paired_bootstrap_ratio(reference, times, seed)
    return row
