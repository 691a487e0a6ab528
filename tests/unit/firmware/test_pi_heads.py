"""A bundle of several heads: each one's answer is the desk's, of every variant, in a script, over HTTP, on the page."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from raspberry_pi_bundle import FIRMWARE, SEVERAL, client_of, edit_json, make_bundle, on_path, one_error
from sklearn.datasets import load_digits

from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.runtimes.onnxruntime import OnnxRunner

NAMES = [head.name for head in SEVERAL.heads]


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("several") / "made", preprocessing=SEVERAL)


def ran(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True)


def test_each_heads_answer_is_the_desks(several: Path) -> None:
    with on_path(FIRMWARE):
        from bundle import Bundle
        from classifier import Classifier
    raw, read = load_digits().images[:100, None].astype(np.uint8), Bundle.read(several)
    for variant, facts in read.variants.items():
        model = several / facts["file"]
        runner = LiteRTRunner(model, threads=1) if model.suffix == ".tflite" else OnnxRunner(model)
        outputs = runner.run(SEVERAL.apply(raw))
        classifier = Classifier(read, variant, threads=1)
        answers = [classifier.classify(image[None], read.raw_max) for image in raw]
        for head, part in zip(SEVERAL.heads, SEVERAL.slices().values(), strict=True):
            found = [answer["heads"][head.name] for answer in answers]
            if head.kind == "value":
                assert [one["value"] for one in found] == head.value(outputs[:, part])[:, 0].tolist(), variant
                assert {one["unit"] for one in found} == {head.unit}
                continue
            said = head.decide(outputs[:, part])
            assert [one["label"] for one in found] == [head.classes[one] for one in said], variant
            assert len(set(said.tolist())) > 1
            probabilities = head.probabilities(outputs[:, part])
            for one, wanted in zip(found, probabilities, strict=True):
                assert list(one["probabilities"]) == list(head.classes)
                assert list(one["probabilities"].values())[-len(wanted) :] == wanted.tolist()
                assert sum(one["probabilities"].values()) == pytest.approx(1)
        assert all(answer["label"] == answer["heads"]["kind"]["label"] for answer in answers)


def test_the_self_test_judges_each_head_by_its_own_range(several: Path, tmp_path: Path) -> None:
    row = json.loads(ran(several, "selftest.py", "--json").stdout)["variants"][0]
    assert row["passed"] and [one["head"] for one in row["heads"]] == NAMES
    assert all(one["same_class"] == row["images"] for one in row["heads"])
    assert len({one["tolerance"] for one in row["heads"]}) == len(NAMES)
    # A difference that the widest head's range would allow is none that a narrower head's does.
    with np.load(several / "selftest.npz") as arrays:
        stored = dict(arrays)
    allowed = [one["tolerance"] for one in row["heads"]]
    place, between = int(np.argmin(allowed)), (min(allowed) + max(allowed)) / 2
    stored["onnx-fp32"][0, list(SEVERAL.slices().values())[place].start] += between
    damaged = tmp_path / "damaged"
    subprocess.run(["cp", "-r", several, damaged], check=True)
    np.savez(damaged / "selftest.npz", **stored)
    done = ran(damaged, "selftest.py", "--json")
    row = json.loads(done.stdout)["variants"][0]
    assert done.returncode == 1 and not row["passed"] and row["tolerance"] == min(allowed)
    assert row["largest_difference"] == pytest.approx(between, rel=1e-2)
    assert f"{NAMES[place]}: " in ran(damaged, "selftest.py").stdout


def test_a_line_and_a_row_name_each_head(several: Path) -> None:
    done = ran(several, "run.py", "samples")
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and len(lines) == 3, done.stderr
    assert [part.partition(": ")[0] for part in lines[0].split("\t")[1::2]] == NAMES
    rows = [json.loads(line) for line in ran(several, "run.py", "--json", "samples").stdout.splitlines()]
    assert [list(row["heads"]) for row in rows] == [NAMES] * 3
    readme = (several / "README.md").read_text()
    assert "kind: 4 classes (labels.txt); size, about: a value in mm²; curved: curved from a probability" in readme


def test_over_http_and_on_the_page(several: Path) -> None:
    pytest.importorskip("fastapi", reason="needs the server: pip install 'edgeforge-toolchain[serve]'")
    with client_of(several) as client:
        sample = next(iter(sorted((several / "samples").glob("*.png"))))
        answer = client.post("/classify", content=sample.read_bytes()).json()
        assert list(answer["heads"]) == NAMES and answer["heads"]["age"]["unit"] == "s"
        assert 0 <= answer["heads"]["curved"]["probabilities"]["curved"] <= 1
        assert "kind (4 classes), size, about (a value), curved (2 classes), age (a value)" in client.get("/").text


def test_what_is_no_number_is_said(several: Path, tmp_path: Path) -> None:
    """A settings file with numbers that no input survives, and labels that are others than the model's."""
    damaged = tmp_path / "damaged"
    subprocess.run(["cp", "-r", several, damaged], check=True)

    def tiny(values: dict[str, Any]) -> None:
        values["std"] = [1e-45]

    edit_json(damaged / "preprocessing.json", tiny)
    done = ran(damaged, "run.py", "samples")
    assert done.returncode == 1 and done.stderr.count("the model's outputs are no numbers") == 3
    (damaged / "labels.txt").write_text("one\n")
    assert "is damaged: copy the bundle again" in one_error(ran(damaged, "run.py", "samples"))
