"""The bundle's scripts as processes of their own: what a person on the device sees."""

import io
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from raspberry_pi_bundle import RIGHT, edit_json, one_error

INT8 = "onnx-static-int8"


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def test_the_self_test_passes_and_states_its_tolerance(script) -> None:  # type: ignore[no-untyped-def]
    done = script("selftest.py", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 0 and found["passed"]
    for row in found["variants"]:
        assert row["largest_difference"] <= row["tolerance"] and row["same_class"] == row["images"] == 16
    assert [row["tolerance_is"] for row in found["variants"]] == [
        "0.0001 of the logits' range", "2 steps of the output's scale", "2 steps of the output's scale"]  # fmt: skip


def test_the_self_test_fails_on_a_device_that_computes_otherwise(bundle: Path, script) -> None:  # type: ignore[no-untyped-def]
    with np.load(bundle / "selftest.npz") as arrays:
        values = dict(arrays)
    values[INT8] = values[INT8] + 3 * np.diff(np.unique(values[INT8])).min()  # three steps, two are allowed
    np.savez(bundle / "selftest.npz", **values)
    done = script("selftest.py")
    assert (
        done.returncode == 1
        and "FAIL digits onnx-static-int8" in done.stdout
        and "ok   digits onnx-fp32" in done.stdout
    )
    assert "self-test FAILED" in done.stdout


@pytest.mark.parametrize(
    ("damage", "words", "expected"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:500]), "run.py samples", "is damaged: 500 bytes instead of"),
        (lambda path: path.write_bytes(path.read_bytes()[:-9] + b"x" * 9), "selftest.py", "its SHA-256 differs"),
        (lambda path: path.unlink(), "bench.py", "is missing: copy the bundle again"),
    ],
)
def test_a_damaged_model_is_one_line(bundle: Path, script, damage, words: str, expected: str) -> None:  # type: ignore[no-untyped-def]
    damage(bundle / "models" / "digits_fp32.onnx")
    assert expected in one_error(script(*words.split()))


def test_damaged_settings_are_one_line(bundle: Path, script) -> None:  # type: ignore[no-untyped-def]
    (bundle / "bundle.json").write_text('{"name"')
    assert "is damaged: copy the bundle again" in one_error(script("run.py", "samples"))


def test_a_model_that_onnxruntime_refuses_is_one_line(bundle: Path, script) -> None:  # type: ignore[no-untyped-def]
    (bundle / "models" / "digits_fp32.onnx").write_bytes(b"\x08" * 100)
    edit_json(bundle / "bundle.json", lambda facts: facts["variants"]["onnx-fp32"].update(bytes=100))
    assert "cannot be loaded by onnxruntime" in one_error(script("run.py", "samples"))


def test_files_a_folder_and_standard_input_give_the_same(bundle: Path, script) -> None:  # type: ignore[no-untyped-def]
    by_folder = [json.loads(line) for line in script("run.py", "--json", "samples").stdout.splitlines()]
    paths = sorted((bundle / "samples").glob("*.png"))
    assert [Path(row["image"]).name for row in by_folder] == [path.name for path in paths]
    for path, row in zip(paths, by_folder, strict=True):
        assert row["label"] == path.stem.split("-")[1] and 0 < row["score"] <= 1
        assert row["provider"] == "CPUExecutionProvider" and row["variant"] == "onnx-fp32"
    piped = json.loads(script("run.py", "--json", "-", stdin=paths[0].read_bytes()).stdout)
    assert (piped["label"], piped["score"]) == (by_folder[0]["label"], by_folder[0]["score"])
    plain = script("run.py", str(paths[0]))
    assert plain.stdout.split("\t")[1] == by_folder[0]["label"] and "CPUExecutionProvider" in plain.stderr


def test_bad_images_are_one_line_each_and_the_others_go_on(bundle: Path, script) -> None:  # type: ignore[no-untyped-def]
    good = sorted((bundle / "samples").glob("*.png"))[0]
    images = {
        "large.png": png(Image.new("L", (20, 10))),
        "colour.png": png(Image.new("RGB", (8, 8))),
        "cut.png": good.read_bytes()[:60],
        "text.png": b"no image",
    }
    for name, data in images.items():
        (bundle / name).write_bytes(data)
    done = script("run.py", "--json", *images, "none.png", good)
    rows = {Path(row["image"]).name: row for row in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert rows["large.png"]["error"] == "large.png: 20x10 L, the model takes 8x8 L; --fit converts it"
    assert "8x8 RGB" in rows["colour.png"]["error"] and "a damaged image" in rows["cut.png"]["error"]
    assert "not an image" in rows["text.png"]["error"] and "no such file" in rows["none.png"]["error"]
    assert "label" in rows[good.name]
    fitted = script("run.py", "--json", "--fit", "large.png", "colour.png")
    assert fitted.returncode == 0 and fitted.stdout.count('"label"') == 2
    (bundle / "empty").mkdir()
    assert "no image in this folder" in one_error(script("run.py", "empty"))


def test_a_camera_that_opencv_reads_gives_frames(bundle: Path, script) -> None:  # type: ignore[no-untyped-def]
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
    video = cv2.VideoWriter(str(bundle / "film.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 5, (64, 48))
    for _ in range(4):
        video.write(np.full((48, 64, 3), 200, np.uint8))
    video.release()
    done = script("run.py", "--json", "--camera", "film.avi", "--count", "3")
    assert [json.loads(line)["image"] for line in done.stdout.splitlines()] == ["frame-0", "frame-1", "frame-2"]
    assert "cannot be opened" in one_error(script("run.py", "--camera", "none.avi"))


def test_the_fastest_variant_is_chosen_by_measuring_and_taken(bundle: Path, script) -> None:  # type: ignore[no-untyped-def]
    done = script("bench.py", "--json", "--choose", "--perf", "--runs", "30", "--warmup", "3", "--threads", "1,2")
    found = json.loads(done.stdout)
    assert [(row["variant"], row["threads"]) for row in found["rows"]] == [
        (variant, threads) for threads in (1, 2) for variant in RIGHT]  # fmt: skip
    for row in found["rows"]:
        assert 0 < row["p50_ms"] <= row["p90_ms"] <= row["p99_ms"] and row["images_per_second"] > 0
    assert all(size > 10 * 2**20 for size in found["memory_bytes"].values())
    assert "reason" in found["perf"] or found["perf"]["per_image"]["onnx-fp32"]["instructions"] > 1000
    chosen = json.loads((bundle / "choice.json").read_text())
    assert chosen["variant"] == found["chosen"]["variant"] and chosen["against"]["variant"] != chosen["variant"]
    (bundle / "choice.json").write_text('{"variant": "tflite-int8", "threads": 1}')
    taken = script("run.py", "--json", "samples")
    assert '"variant": "tflite-int8", "provider": "LiteRT"' in taken.stdout and "as measured here" in taken.stderr
    (bundle / "choice.json").write_text("{")
    assert "not measured here yet" in script("run.py", "samples").stderr


def test_the_bench_shows_a_table_and_says_what_it_cannot_read(script) -> None:  # type: ignore[no-untyped-def]
    text = script("bench.py", "--runs", "20", "--threads", "1").stdout
    assert ("governor" in text and "temperature" in text) or "°C" in text
    assert "onnx-fp32: peak memory" in text and "on the desk's test split 90.00 % right" in text and "p99 ms" in text


def test_wrong_options_are_refused(script) -> None:  # type: ignore[no-untyped-def]
    assert "no variant 'int4': one of onnx-fp32, onnx-static-int8, tflite-int8" in one_error(
        script("run.py", "--variant", "int4", "samples")
    )
    assert "has no CUDAExecutionProvider; it has" in one_error(script("run.py", "--provider", "cuda", "samples"))
    for words in (["run.py"], ["bench.py", "--threads", "0"], ["bench.py", "--runs", "-1"]):
        done = script(*words)
        assert done.returncode == 2 and "Traceback" not in done.stderr
    for words in (["bench.py", "--threads", "1,x"], ["loadtest.py", "--clients", "1,x"]):
        assert "1,x: not numbers such as 1,2,4" in script(*words).stderr


def test_what_training_took_is_taken_without_fit(bundle: Path, script) -> None:  # type: ignore[no-untyped-def]
    (bundle / "photo.png").write_bytes(png(Image.new("RGB", (30, 20))))
    assert "--fit converts it" in one_error(script("run.py", "photo.png"))
    edit_json(bundle / "bundle.json", lambda facts: facts.update(any_size=True))
    assert script("run.py", "photo.png").returncode == 0


def test_a_variant_that_fails_its_self_test_is_never_chosen(bundle: Path, script) -> None:  # type: ignore[no-untyped-def]
    with np.load(bundle / "selftest.npz") as arrays:
        values = {name: array if name in ("images", INT8) else array + 9 for name, array in arrays.items()}
    np.savez(bundle / "selftest.npz", **values)
    quick = ("bench.py", "--choose", "--runs", "20", "--threads", "1")
    assert f"chosen: {INT8} " in script(*quick).stdout
    np.savez(bundle / "selftest.npz", **(values | {INT8: values[INT8] + 9}))
    assert "none is chosen; see selftest.py" in one_error(script(*quick))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_the_service_is_for_where_the_bundle_lies(bundle: Path, tmp_path: Path) -> None:
    place = shutil.move(bundle, tmp_path / 'my "5 %" models')
    (place / ".venv" / "bin").mkdir(parents=True)
    (place / ".venv" / "bin" / "python").symlink_to(sys.executable)
    home = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_RUNTIME_DIR": str(tmp_path)}
    words = [sys.executable, "service.py", "--install", "--", "--host", "0.0.0.0"]
    done = subprocess.run(words, cwd=place, env=home, capture_output=True, text=True)
    unit = tmp_path / "config" / "systemd" / "user" / "edgeforge-digits.service"
    assert unit.read_text().count("5 %%") == 2 and "server.py --host 0.0.0.0" in unit.read_text()
    if done.returncode:  # where no systemd runs, as in a container
        assert "systemctl --user daemon-reload: " in one_error(done)
    checked = subprocess.run(["systemd-analyze", "--user", "verify", unit], env=home, capture_output=True, text=True)
    assert checked.returncode == 0 and checked.stderr == ""
    # What systemd would run does run: its words, unquoted as a shell unquotes them.
    command = next(line for line in unit.read_text().splitlines() if line.startswith("ExecStart="))
    words = shlex.split(command.removeprefix("ExecStart=").replace("%%", "%"))
    there = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path.endswith("-packages"))}
    shown = subprocess.run(
        [*words[:3], "--help"], cwd=place, env={**os.environ, **there}, capture_output=True, text=True
    )
    assert shown.returncode == 0 and "Serve the classifier" in shown.stdout


def fake_python(folder: Path, version: str, bits: int) -> str:
    """An interpreter as install.sh asks it: its version, and how wide its pointers are."""
    path = folder / "python"
    path.write_text(f'#!/bin/sh\ncase "$*" in *version_info*) echo {version};; *calcsize*) echo {bits};; esac\n')
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("version", "bits", "needed", "expected"),
    [
        ("3.8", 64, "1", "is Python 3.8: the packages are pinned for 3.9 to 3.14"),
        ("3.11", 32, "1", "with a 32-bit Python: onnxruntime and LiteRT have wheels for 64-bit systems only"),
        ("3.11", 64, "999999999", "no space left:"),
        ("3.11", 64, "1", "cannot make a virtual environment|pip cannot install"),
    ],
)
def test_the_installer_names_what_stands_in_its_way(
    bundle: Path, tmp_path: Path, version: str, bits: int, needed: str, expected: str
) -> None:
    environment = {**os.environ, "PYTHON": fake_python(tmp_path, version, bits), "EDGEFORGE_NEEDED_MB": needed}
    done = subprocess.run(["./install.sh"], cwd=bundle, env=environment, capture_output=True, text=True)
    assert any(part in one_error(done) for part in expected.split("|"))
    missing = subprocess.run(["./install.sh"], cwd=bundle, env={**environment, "PYTHON": "no-such-python"},
                             capture_output=True, text=True)  # fmt: skip
    assert "sudo apt install python3" in one_error(missing)


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_the_installer_leaves_an_environment_that_it_has_not_made(bundle: Path, tmp_path: Path, kind: str) -> None:
    mine = tmp_path / "mine" if kind == "link" else bundle / ".venv"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine")
    if kind == "link":
        (mine / ".edgeforge-made").write_text("")
        (bundle / ".venv").symlink_to(mine)
    done = subprocess.run(["./install.sh"], cwd=bundle, env={**os.environ, "PYTHON": sys.executable},
                          capture_output=True, text=True)  # fmt: skip
    assert "was not made by this script" in one_error(done) and (mine / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("left", [(), (".edgeforge-made", "bin/python", "lib/old.py")], ids=["empty", "half"])
def test_an_environment_that_was_cut_off_is_made_anew(bundle: Path, tmp_path: Path, left: tuple[str, ...]) -> None:
    (bundle / ".venv" / "bin").mkdir(parents=True) if left else (bundle / ".venv").mkdir()
    (bundle / ".venv" / "lib").mkdir() if left else None
    for name in left:
        shutil.copy(fake_python(tmp_path, "3.11", 64), bundle / ".venv" / name)
    environment = {**os.environ, "PYTHON": fake_python(tmp_path, "3.11", 64), "EDGEFORGE_NEEDED_MB": "1"}
    done = subprocess.run(["./install.sh"], cwd=bundle, env=environment, capture_output=True, text=True)
    assert "pip cannot install" in one_error(done)  # of an interpreter that is none: what was left is gone
    assert sorted(path.name for path in (bundle / ".venv").iterdir()) == [".edgeforge-made", ".edgeforge-whole"]


# What a Jetson has: a build of onnxruntime with its GPU, of the system. Here the real one, which says that it has.
GPU = """import sys
here = __file__.rpartition("/onnxruntime/")[0]
sys.path = [path for path in sys.path if path != here]
del sys.modules["onnxruntime"]
import onnxruntime
found = onnxruntime.get_available_providers()
onnxruntime.get_available_providers = lambda: ["CUDAExecutionProvider", *found]
onnxruntime.__version__ += "+gpu"
"""


@pytest.mark.parametrize("own", ["no", "yes"])
def test_an_onnxruntime_of_the_system_with_a_gpu_is_used(bundle: Path, tmp_path: Path, own: str) -> None:
    system = tmp_path / "system"
    (system / "onnxruntime").mkdir(parents=True)
    (system / "onnxruntime" / "__init__.py").write_text(GPU)
    (system / "onnxruntime_gpu-1.18.0.dist-info").mkdir()
    (system / "onnxruntime_gpu-1.18.0.dist-info" / "METADATA").write_text("Name: onnxruntime-gpu\nVersion: 1.18.0\n")
    # The packages of this environment stand in for the registry, behind the system's.
    packages = [path for path in sys.path if path.endswith("-packages")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(system), *packages]), "PYTHON": sys.executable,
                   "EDGEFORGE_OWN": own}  # fmt: skip
    hiding = bundle / ".venv" / "lib" / "python3.1" / "site-packages" / "onnxruntime"
    hiding.mkdir(parents=True)  # of an earlier install
    for name in (".edgeforge-made", ".edgeforge-whole"):
        (bundle / ".venv" / name).write_text("")
    (bundle / ".venv" / "bin").mkdir()
    (bundle / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (bundle / ".venv" / "bin" / "pip").write_text("import sys\nprint(*sys.argv[1:])\n")  # tells what it would install
    done = subprocess.run(["./install.sh"], cwd=bundle, env=environment, capture_output=True, text=True)
    asked = (bundle / "install.log").read_text()
    assert done.returncode == 0 and "self-test passed" in done.stdout, done.stderr
    if own == "yes":
        assert "-r requirements.txt -r requirements-onnxruntime.txt" in asked and hiding.exists()
    else:
        assert "with CUDA: it is used as it is" in done.stdout and not hiding.exists()
        assert "onnxruntime" not in asked and "-r requirements-images.txt -r requirements-litert.txt" in asked
        assert "+gpu" in done.stdout
