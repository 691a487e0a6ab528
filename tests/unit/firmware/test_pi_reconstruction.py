"""A bundle whose model gives its input again: errors and verdicts are the desk's, of every variant."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from raspberry_pi_bundle import AGAIN, FIRMWARE, make_bundle, on_path
from sklearn.datasets import load_digits

from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.runtimes.onnxruntime import OnnxRunner
from edgeforge.tflite.tensors import as_seen


def test_errors_and_verdicts_are_the_desks(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "again", preprocessing=AGAIN)
    done = subprocess.run([sys.executable, "selftest.py", "--json"], cwd=bundle, capture_output=True)
    found = json.loads(done.stdout)
    assert found["passed"] and all(row["same_class"] == row["images"] for row in found["variants"])
    with on_path(FIRMWARE):
        from bundle import Bundle
        from classifier import Classifier
    raw = load_digits().images[:100, None].astype(np.uint8)
    read, head = Bundle.read(bundle), AGAIN.heads[0]
    given = AGAIN.apply(raw)
    for variant, facts in read.variants.items():
        model = bundle / facts["file"]
        runner = LiteRTRunner(model, threads=1) if model.suffix == ".tflite" else OnnxRunner(model)
        seen = as_seen(given, runner.input) if model.suffix == ".tflite" else AGAIN.as_outputs(raw)
        wanted = head.errors(runner.run(given), seen)
        one = Classifier(read, variant, threads=1)
        said = [one.classify(image[None], read.raw_max) for image in raw]
        assert [answer["score"] for answer in said] == wanted.tolist(), variant
        assert [answer["label"] for answer in said] == [head.judged(error) for error in wanted]
        assert len({answer["label"] for answer in said}) == 2


def test_a_picture_is_answered_with_verdict_and_error(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "again", preprocessing=AGAIN, variants=["tflite-int8"])
    done = subprocess.run([sys.executable, "run.py", "--json", "samples"], cwd=bundle, capture_output=True, text=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == 3 and all(row["label"] in AGAIN.classes and row["score"] > 0 for row in rows), done.stderr
