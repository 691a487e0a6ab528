"""Simulates a search of many workers, whose trials sleep: what the storage takes, and how often workers collide.

    python scripts/simulate_search.py --trials 1000 --workers 50 --seconds 20
    python scripts/simulate_search.py --trials 1000 --workers 50 --seconds 20 --storage postgresql://user@host/database

It is the study of `edgeforge search` itself; only the trial is none. Prints one line of JSON: seconds in all, the mean
seconds that a worker spent in the storage for a trial, and those of them that were its own processor's, trials begun in
excess, errors, and values given out twice.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import tempfile
import time
from collections import Counter
from pathlib import Path

from edgeforge.recipe.load import load_recipe
from edgeforge.search.space import Space
from edgeforge.search.study import SURPLUS, Study

RECIPE = """name: simulated
data: {{source: digits}}
model: {{name: digits_cnn}}
targets: [arduino-nano-33-ble]
search:
  trials: {trials}
  prune: false
  over: {{train.lr: {{log: [1.0e-6, 1.0]}}, train.weight_decay: {{low: 0.0, high: 1.0}}}}
"""


Results = multiprocessing.Queue  # of (trials done, seconds in the storage, processor seconds, errors)


def worker(folder: str, storage: str | None, seconds: float, results: Results[tuple[int, float, float, int]]) -> None:
    """Run trials that sleep until none is left."""
    one = Space(load_recipe(Path(folder) / "recipe.yaml"))
    inside, errors, done = 0.0, 0, 0
    processor = time.process_time()
    chances = random.Random(multiprocessing.current_process().pid)
    study = None
    while True:
        begun = time.perf_counter()
        try:
            study = study or Study(one, storage, Path(folder))
            trial = study.next()
        except Exception as error:
            errors += 1
            print(repr(error)[:200], flush=True)
            time.sleep(1)
            continue
        inside += time.perf_counter() - begun
        if trial is None:
            break
        with study.held(trial):
            time.sleep(seconds * chances.uniform(0.5, 1.5))
            begun = time.perf_counter()
            study.optuna.tell(trial, [chances.random(), chances.random(), chances.random()])
            inside += time.perf_counter() - begun
        done += 1
    results.put((done, inside, time.process_time() - processor, errors))


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--storage")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recipe.yaml"
        path.write_text(RECIPE.format(trials=given.trials))
        study = Study(Space(load_recipe(path)), given.storage, Path(folder))
        results: multiprocessing.Queue[tuple[int, float, float, int]] = multiprocessing.Queue()
        arguments = (folder, given.storage, given.seconds, results)
        begun = time.perf_counter()
        workers = [multiprocessing.Process(target=worker, args=arguments) for _ in range(given.workers)]
        for one in workers:
            one.start()
        rows = [results.get() for _ in workers]
        wall = time.perf_counter() - begun
        trials = study.trials()
        whole = [one for one in trials if one.state.name == "COMPLETE"]
        chosen = Counter(tuple(sorted(one.params.items())) for one in whole)
        print(
            json.dumps(
                {
                    "storage": "journal" if given.storage is None else given.storage.partition(":")[0],
                    "workers": given.workers,
                    "complete": len(whole),
                    "seconds": round(wall, 1),
                    "ideal": round(given.trials * given.seconds / given.workers, 1),
                    "storage_seconds_a_trial": round(sum(row[1] for row in rows) / max(len(whole), 1), 3),
                    "processor_seconds_a_trial": round(sum(row[2] for row in rows) / max(len(whole), 1), 3),
                    "in_excess": sum(1 for one in trials if one.user_attrs.get(SURPLUS)),
                    "errors": sum(row[3] for row in rows),
                    "twice": sum(count - 1 for count in chosen.values()),
                    "failed": sum(1 for one in trials if one.state.name == "FAIL" and not one.user_attrs.get(SURPLUS)),
                }
            )
        )


if __name__ == "__main__":
    main()
