"""Measure this device: latency of every variant by number of threads, memory, and with --choose which is fastest.

python bench.py             python bench.py --choose             python bench.py --perf --json
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bundle import CHOICE_FILE, Bundle, BundleError, write_whole
from classifier import Classifier
from device import cores, device_facts, peak_memory, slowed, temperature, throttled
from options import counts, number, positive, run_script, table
from perf_counters import count_events
from selftest import check

# A variant or a number of threads is preferred to the one before it (float, fewer) only when faster by this share:
# less is noise, and float is the more accurate, fewer threads the cooler.
WORTH = 0.02
FEWEST_RUNS = 20  # that are made even when --seconds are over
COLUMNS = {"variant": ("variant", "<20"), "threads": ("threads", ">7"), "p50 ms": ("p50_ms", ">8.3f"),
           "p90 ms": ("p90_ms", ">8.3f"), "p99 ms": ("p99_ms", ">8.3f"), "images/s": ("images_per_second", ">8.1f"),
           "provider": ("provider", "")}  # fmt: skip


def main() -> int:
    """Print the figures; with --choose write which variant and how many threads run.py and server.py take.

    One whose outputs are not the desk's, by the self-test, is measured and never chosen. Of sound that is chosen whose
    outputs thresholds were chosen in, where it is right: the others detect otherwise.
    """
    options = parse()
    bundle = Bundle.read()
    if options.only:
        return measure_one(bundle, options)
    before = temperature()
    rows = [row for threads in options.threads for row in measure(bundle, threads, options)]
    right = {name for name in bundle.variants if check(bundle, name, options.provider, 1)["passed"]}
    if options.choose and not right:
        raise BundleError("no variant has the desk's outputs here: none is chosen; see selftest.py")
    taken = {bundle.heard_by} if bundle.heard_by in right else right
    result: dict[str, Any] = {
        "device": device_facts(),
        "temperature_c": {"before": before, "after": temperature()},
        "throttled": throttled(),
        "rows": rows,
        "memory_bytes": {variant: child(variant, 3, options)["peak_memory_bytes"] for variant in bundle.variants},
        "chosen": choose([row for row in rows if row["variant"] in taken]) if options.choose else None,
        "perf": perf(bundle, options) if options.perf else None,
    }
    if options.choose:
        write_whole(bundle.folder / CHOICE_FILE, json.dumps(result["chosen"], indent=1) + "\n")
    print(json.dumps(result) if options.json else as_text(bundle, result))
    return 0


def measure(bundle: Bundle, threads: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return a row a variant: one image at a time, the variants in turn so that all meet the same disturbances."""
    classifiers = {name: Classifier(bundle, name, threads=threads, provider=options.provider)
                   for name in bundle.variants}  # fmt: skip
    images = inputs(bundle)
    calls = {name: [one.prepared(image) for image in images] for name, one in classifiers.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    gc.collect()
    gc.disable()  # a collection in the middle would be charged to one variant
    end = time.perf_counter() + options.seconds
    for run in range(-options.warmup, options.runs):
        if run >= FEWEST_RUNS and time.perf_counter() > end:
            break
        for name, prepared in calls.items():
            call = prepared[run % len(prepared)]
            call()  # brings this variant's weights back into the cache, as when it runs alone
            started = time.perf_counter_ns()
            call()
            if run >= 0:
                times[name].append((time.perf_counter_ns() - started) / 1e6)
    gc.enable()
    rows = []
    for name, values in times.items():
        p50, p90, p99 = np.percentile(values, (50, 90, 99))
        rows.append({
            "variant": name, "threads": threads, "runs": len(values), "p50_ms": float(p50), "p90_ms": float(p90),
            "p99_ms": float(p99), "images_per_second": float(1000 / np.mean(values)),
            "provider": classifiers[name].providers[0],
        })  # fmt: skip
    return rows


def inputs(bundle: Bundle) -> list[NDArray[Any]]:
    """Return the self-test's images as single inputs (1,C,H,W float32)."""
    (images,) = bundle.selftest("images")
    return [image[None] for image in bundle.tensor(images, bundle.raw_max)]


def choose(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the row of the fastest variant and number of threads, a difference below WORTH not counted."""
    best = rows[0]
    for row in rows[1:]:
        if row["p50_ms"] < best["p50_ms"] * (1 - WORTH):
            best = row
    rivals = [row for row in rows if row["variant"] != best["variant"]]
    fastest = min(rivals, key=lambda row: row["p50_ms"], default=None)
    against = {"variant": fastest["variant"], "p50_ms": fastest["p50_ms"]} if fastest else None
    return {"variant": best["variant"], "threads": best["threads"], "p50_ms": best["p50_ms"], "against": against}


def measure_one(bundle: Bundle, options: argparse.Namespace) -> int:
    """Run one variant `--runs` times in this process alone, and print its peak memory."""
    classifier = Classifier(bundle, options.only, threads=options.threads[0], provider=options.provider)
    call = classifier.prepared(inputs(bundle)[0])
    for _ in range(options.runs):
        call()
    print(json.dumps({"peak_memory_bytes": peak_memory()}))
    return 0


def command(variant: str, runs: int, options: argparse.Namespace) -> list[str]:
    """Return the command that runs one variant in a process of its own."""
    words = [sys.executable, __file__, "--only", variant, "--runs", str(runs), "--threads", "1"]
    return words + (["--provider", options.provider] if options.provider else [])


def child(variant: str, runs: int, options: argparse.Namespace) -> dict[str, Any]:
    """Return what `measure_one` prints in a fresh process."""
    done = subprocess.run(command(variant, runs, options), capture_output=True, text=True)
    if done.returncode:
        raise BundleError(f"{variant} cannot be measured on its own: {done.stderr.strip()}")
    return dict(json.loads(done.stdout))


def perf(bundle: Bundle, options: argparse.Namespace) -> dict[str, Any]:
    """Return instructions, cycles and cache misses an image of each variant, or the reason why not.

    A process that runs more images minus one that runs fewer: loading Python and the model cancels out.
    """
    runs = options.runs
    with tempfile.TemporaryDirectory() as folder:
        found: dict[str, Any] = {}
        for variant in bundle.variants:
            few = count_events(command(variant, 1, options), Path(folder) / "few")
            many = count_events(command(variant, 1 + runs, options), Path(folder) / "many")
            if isinstance(few, str) or isinstance(many, str):
                return {"reason": few if isinstance(few, str) else str(many)}
            found[variant] = {event: (many[event] - few[event]) / runs for event in few if event in many}
    return {"per_image": found}


def as_text(bundle: Bundle, result: dict[str, Any]) -> str:
    """Return the figures as a table."""
    facts, heat = result["device"], result["temperature_c"]
    known = [f"governor {facts['governor'] or 'not readable'}",
             f"{heat['before']:.0f} to {heat['after']:.0f} °C" if heat["before"] and heat["after"]
             else "temperature not readable"]  # fmt: skip
    lines = [f"{bundle.name} on {facts['model']}, {facts['cores']} cores, {', '.join(known)}"]
    lines += table(result["rows"], COLUMNS)
    for variant, size in result["memory_bytes"].items():
        figures = bundle.variants[variant]["figures"]
        right = f"; on the desk's test split {figures}" if figures else ""
        lines.append(f"{variant}: peak memory {'not readable' if size is None else f'{size / 2**20:.1f} MB'}{right}")
    if slow := slowed(result["throttled"]):
        lines.append(f"warning: {slow}")
    if result["perf"]:
        lines.append(f"perf: {result['perf']['reason']}" if "reason" in result["perf"] else "per image:")
        for variant, counts in result["perf"].get("per_image", {}).items():
            lines.append(f"  {variant}: " + ", ".join(f"{value:,.0f} {event}" for event, value in counts.items()))
    if result["chosen"]:
        chosen, rival = result["chosen"], result["chosen"]["against"]
        beside = f" (best {rival['variant']}: {rival['p50_ms']:.3f} ms)" if rival else ""
        lines.append(f"chosen: {chosen['variant']} with {chosen['threads']} thread(s), {chosen['p50_ms']:.3f} ms"
                     f"{beside}; written to {CHOICE_FILE}")  # fmt: skip
    return "\n".join(lines)


def parse() -> argparse.Namespace:
    """Return the command line's values; threads are swept over 1, 2, 4, … up to the cores there are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=positive, default=200, help="timed runs of each variant")
    parser.add_argument(
        "--seconds", type=number(float, 0.1, 86_400), default=30.0, help="bound of each number of threads"
    )
    parser.add_argument("--warmup", type=positive, default=20, help="runs before them")
    parser.add_argument("--threads", type=counts, help="numbers of threads to try, such as 1,2,4")
    parser.add_argument("--provider", help="execution provider (default: the first there is)")
    parser.add_argument("--choose", action="store_true", help=f"write the fastest variant to {CHOICE_FILE}")
    parser.add_argument("--perf", action="store_true", help="count instructions, cycles, cache misses (perf stat)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.threads is None:
        most = cores()
        options.threads = [count for count in (1, 2, 4, 8, 16) if count < most] + [most]
    return options


if __name__ == "__main__":
    run_script(main)
