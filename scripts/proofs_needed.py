"""Prints the slow proofs that a change makes necessary: test files to give to pytest, or nothing.

A proof is needed where a path that it covers has changed since the nearest tag `green-…` behind HEAD, in commits or in
the working tree. Such a tag is put on a commit for which `.ci/run` has passed. Without one, all proofs are needed.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = "tests/end_to_end"
# What every proof depends on; a folder stands for all that is in it.
ALWAYS = ("pyproject.toml", "constraints.txt", "tests/conftest.py", "tests/helpers/builds.py")
# A whole build, but for what the digits' build in `make test` shows as well.
BUILD = (
    "edgeforge", ":!edgeforge/api.py", ":!edgeforge/cli", ":!edgeforge/doctor.py", ":!edgeforge/targets/edgetpu",
    ":!edgeforge/targets/engine", ":!edgeforge/targets/raspberry_pi",
)  # fmt: skip
# Proof → the paths it covers, `:!` before those left out of a folder (git's pathspec).
COVERS: dict[str, tuple[str, ...]] = {
    "test_battery_life.py": (*BUILD, "recipes/matr1.yaml", "models/matr1_cnn.py", "firmware/arduino"),
    "test_conversion_matrix.py": (
        "scripts/conversion_matrix.py", "docs/conversion.md", "edgeforge/torchvision_import.py", "edgeforge/onnx_graph",
        "edgeforge/tflite", "edgeforge/recipe", "edgeforge/results/preprocessing.py", "edgeforge/runtimes",
        "edgeforge/export", "edgeforge/quantize/tflite", "edgeforge/evaluate/parity",
        "edgeforge/evaluate/statistics.py",
    ),
    "test_all_forms.py": (
        "tests/helpers/torch_forms.py", "edgeforge/export", "edgeforge/onnx_graph", "edgeforge/tflite",
        "edgeforge/quantize/tflite",
    ),
    "test_imu_windows.py": (
        *BUILD, "recipes/imu.yaml", "models/ds_cnn_1d.py", "firmware/arduino", "firmware/raspberry_pi",
    ),
    "test_keywords.py": (
        *BUILD, "recipes/keywords.yaml", "models/ds_cnn.py", "scripts/make_keywords.py", "firmware/arduino",
        "firmware/emulator", "firmware/features", "firmware/raspberry_pi",
    ),
    "test_init_builds.py": (
        "edgeforge/recipe", "edgeforge/data", "recipes/blood_map.yaml", "recipes/imu.yaml", "recipes/keywords.yaml",
        "recipes/digits.yaml", "models",
    ),
    "test_mnist.py": (*BUILD, ":!edgeforge/report", "recipes/mnist.yaml", "models/mnist_cnn.py"),
    "test_trial_fit.py": (
        "edgeforge/targets/fit", "edgeforge/train", "edgeforge/export", "edgeforge/quantize", "edgeforge/tflite",
        "models",
    ),
    "test_recipes_of_docs.py": (*BUILD, ":!edgeforge/report", "docs/data.md", "models/dense.py"),
    "test_search.py": (
        "edgeforge/search", "edgeforge/pipeline.py", "edgeforge/builder", "edgeforge/train",
        "tests/helpers/postgres.py",
    ),
    "test_random_graphs.py": (
        "edgeforge/targets/engine", "firmware/engine", "tests/helpers/random_graphs.py",
        "tests/helpers/engine_program.py",
    ),
    "test_random_networks.py": (
        "tests/helpers/judged_nets.py", "tests/helpers/random_nets.py", "tests/helpers/random_keras.py",
        "edgeforge/onnx_graph", "edgeforge/tflite", "edgeforge/runtimes", "edgeforge/export", "edgeforge/hardware",
        "edgeforge/quantize/tflite", "edgeforge/targets/fit", "edgeforge/evaluate",
    ),
}  # fmt: skip


def last_green(root: Path = ROOT) -> str | None:
    """Return the nearest green tag behind HEAD; None where there is none, as in a clone without tags."""
    done = _git(root, "describe", "--tags", "--abbrev=0", "--match", "green-*")
    return done.stdout.strip() if done.returncode == 0 else None


def needed(tag: str | None, root: Path = ROOT) -> list[str]:
    """Return the proofs whose paths differ from the tag's."""
    return [f"{TESTS}/{name}" for name in COVERS if tag is None or _changed(tag, name, root)]


def _changed(tag: str, name: str, root: Path) -> bool:
    done = _git(root, "diff", "--quiet", tag, "--", f"{TESTS}/{name}", *ALWAYS, *COVERS[name])
    return done.returncode != 0  # 1: it differs; more: git cannot tell


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    print(*needed(last_green()))
