"""What stands in a Raspberry Pi bundle, and what its models are."""

import ast
import json
import re
import sys
import tarfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement
from places import ROOT
from raspberry_pi_bundle import FIRMWARE, RIGHT, make_bundle

from edgeforge.errors import RecipeError, StageFailed
from edgeforge.recipe.load import load_recipe
from edgeforge.runtimes.onnxruntime import OnnxRunner
from edgeforge.targets.raspberry_pi.graph_optimization import optimize_for_arm
from edgeforge.targets.raspberry_pi.tarball import tar_gz


def test_a_bundle_needs_neither_edgeforge_nor_torch(packed_bundle: Path) -> None:
    allowed = {
        "numpy",
        "onnxruntime",
        "PIL",
        "picamera2",
        "cv2",
        "fastapi",
        "uvicorn",
        "prometheus_client",
        "python_multipart",
        "ai_edge_litert",
        "scipy",
    }
    scripts = sorted(packed_bundle.glob("*.py"))
    own = {path.stem for path in scripts}
    shared = {"pixels", "image_file", "sound_file", "feature_library", "head"}
    assert own == {path.stem for path in FIRMWARE.glob("*.py")} | shared
    for path in scripts:
        tree = ast.parse(path.read_text(), feature_version=(3, 9))  # no syntax that Python 3.9 does not know
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        foreign = {name.split(".")[0] for name in names} - own - allowed
        assert foreign <= sys.stdlib_module_names, (path.name, foreign)


def test_the_files_say_what_they_hold(packed_bundle: Path) -> None:
    facts = json.loads((packed_bundle / "bundle.json").read_text())
    assert list(facts["variants"]) == list(RIGHT) and not facts["any_size"]
    for variant in facts["variants"].values():
        assert (packed_bundle / variant["file"]).stat().st_size == variant["bytes"] and min(variant["tolerances"]) > 0
    assert (packed_bundle / "labels.txt").read_text().splitlines()[9] == 'the "nine"'
    assert "classes" not in json.loads((packed_bundle / "preprocessing.json").read_text())
    readme = (packed_bundle / "README.md").read_text()
    assert "| tflite-int8 | 88.00 % right |" in readme and "curl -F image=@photo.png" in readme and "curl -T" in readme
    assert len(list((packed_bundle / "samples").glob("*.png"))) == 3


def test_the_same_inputs_give_the_same_bytes(packed_bundle: Path, tmp_path: Path) -> None:
    make_bundle(tmp_path / "again")
    archives = [packed_bundle.parents[1] / "out" / "digits.tar.gz", tmp_path / "again" / "out" / "digits.tar.gz"]
    assert archives[0].read_bytes() == archives[1].read_bytes()
    with tarfile.open(archives[0]) as archive:
        entries = archive.getmembers()
    assert [entry.name for entry in entries] == sorted(entry.name for entry in entries)
    assert {(entry.mtime, entry.uid, entry.gid, entry.uname) for entry in entries} == {(0, 0, 0, "")}
    assert [entry.name for entry in entries if entry.mode == 0o755] == ["digits/install.sh"]


@settings(max_examples=25)
@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8})?", fullmatch=True), st.binary(max_size=50), max_size=5))
def test_an_archive_depends_on_its_files_alone(files: dict[str, bytes]) -> None:
    assert tar_gz("top", files) == tar_gz("top", dict(reversed(files.items())))


def test_the_graph_is_optimised_and_portable(packed_bundle: Path, tmp_path: Path) -> None:
    operators = {
        name: [node.op_type for node in onnx.load(packed_bundle / f"models/digits_{name}.onnx").graph.node]
        for name in ("fp32", "int8")
    }
    assert "FusedConv" in operators["fp32"] and "Relu" not in operators["fp32"]
    assert "QLinearConv" in operators["int8"] and "Conv" not in operators["int8"]
    domains = {node.domain for name in ("fp32", "int8")
               for node in onnx.load(packed_bundle / f"models/digits_{name}.onnx").graph.node}  # fmt: skip
    assert "com.microsoft.nchwc" not in domains, "laid out for the processor of this desk"
    plain = make_bundle(tmp_path / "basic", optimize="basic")
    kept = [node.op_type for node in onnx.load(plain / "models" / "digits_fp32.onnx").graph.node]
    assert "Conv" in kept and "FusedConv" not in kept


def test_ort_format_gives_the_same_outputs(packed_bundle: Path, tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / "ort", format="ort")
    with np.load(folder / "selftest.npz") as ort, np.load(packed_bundle / "selftest.npz") as plain:
        for variant, file in (("onnx-fp32", "fp32"), ("onnx-static-int8", "int8")):
            assert (folder / "models" / f"digits_{file}.ort").read_bytes()[4:8] == b"ORTM"
            assert np.allclose(ort[variant], plain[variant], atol=1e-5)
    assert OnnxRunner(folder / "models" / "digits_int8.ort").input.shape == (1, 1, 8, 8)


def test_a_bundle_without_int8_says_why(tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / "float", int8=False)
    assert list(json.loads((folder / "bundle.json").read_text())["variants"]) == ["onnx-fp32", "tflite-int8"]
    row = json.loads((tmp_path / "float" / "out" / "bundle-row.json").read_text())
    assert row["left_out"] == "no onnx-static-int8: refused"
    assert list(row["files"]) == ["models/digits_fp32.onnx", "models/digits_int8.tflite"]


def test_the_recipe_names_the_variants(tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / "one", variants=["tflite-int8"])
    assert list(json.loads((folder / "bundle.json").read_text())["variants"]) == ["tflite-int8"]
    assert not (folder / "requirements-onnxruntime.txt").exists() and (folder / "requirements-litert.txt").exists()
    with pytest.raises(StageFailed, match="onnx-static-int8 could not be made: refused"):
        make_bundle(tmp_path / "none", variants=["onnx-static-int8"], int8=False)


def test_a_file_that_is_no_model_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"nothing")
    with pytest.raises(StageFailed, match=r"cannot optimise a\.onnx"):
        optimize_for_arm(tmp_path / "a.onnx", tmp_path / "b.onnx", "extended")


def test_the_pins_are_those_of_this_desk() -> None:
    installed = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    installed = {name.lower().replace("_", "-"): version for name, version in installed.items()}
    for file in FIRMWARE.glob("requirements*.txt"):
        lines = file.read_text().splitlines()
        pins = [Requirement(line) for line in lines if not line.startswith("#")]
        for python in ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14"):
            here = [pin for pin in pins if pin.marker is None or pin.marker.evaluate({"python_version": python})]
            assert len({pin.name for pin in pins}) == len(here), f"one pin of each package for Python {python}"
            for pin in here if python in ("3.12", "3.13") else []:
                assert str(pin.specifier) == f"=={installed[pin.name]}"


def test_a_pi_among_the_boards_is_told_where_it_belongs(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("name: d\ndata: {source: digits}\nmodel: {name: digits_cnn}\ntargets: [raspberry-pi]\n")
    with pytest.raises(RecipeError, match=r"r\.yaml:4.*no microcontroller") as caught:
        load_recipe(path)
    assert "raspberry_pi: {}" in caught.value.fix
    path.write_text(re.sub("targets.*", "raspberry_pi: {format: orx}", path.read_text()))
    with pytest.raises(RecipeError, match="did you mean 'ort'"):
        load_recipe(path)
    path.write_text(re.sub("raspberry_pi.*", "raspberry_pi: {variants: [tflite-qat-int8]}", path.read_text()))
    with pytest.raises(RecipeError, match=r"r\.yaml:4: raspberry_pi\.variants: this recipe makes no 'tflite-qat-int8'"):
        load_recipe(path)
