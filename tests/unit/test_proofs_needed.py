"""Which slow proofs a change makes necessary, in small git repositories."""

import importlib.util
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from places import ROOT

spec = importlib.util.spec_from_file_location("proofs_needed", ROOT / "scripts" / "proofs_needed.py")
assert spec and spec.loader
proofs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(proofs)
EVERY = [f"{proofs.TESTS}/{name}" for name in proofs.COVERS]


def test_every_proof_has_its_paths_and_every_path_exists() -> None:
    marked = {path.name for path in (ROOT / proofs.TESTS).glob("*.py") if "pytest.mark.proof" in path.read_text()}
    assert marked == set(proofs.COVERS)
    paths = [path.removeprefix(":!") for covered in proofs.COVERS.values() for path in covered]
    assert [path for path in (*paths, *proofs.ALWAYS) if not (ROOT / path).exists()] == []


Change = Callable[[str], None]


@pytest.fixture
def change(tmp_path: Path) -> Change:
    """Commit a change of one file to a new repository whose first commit is tagged green."""

    def git(*words: str) -> None:
        name = ("-c", "user.name=test", "-c", "user.email=test@localhost")
        subprocess.run(["git", *name, *words], cwd=tmp_path, check=True, capture_output=True)

    def commit(path: str) -> None:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("changed\n")
        git("add", "--all")
        git("commit", "--message", path)

    git("init")
    commit("README.md")
    git("tag", "green-1")
    return commit


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("docs/tutorial.md", []),
        ("edgeforge/cli/app.py", []),
        ("edgeforge/targets/raspberry_pi/bundle.py", []),
        ("edgeforge/report/html.py", ["test_battery_life.py", "test_imu_windows.py", "test_keywords.py"]),
        (
            "edgeforge/train/stage.py",
            [
                "test_battery_life.py",
                "test_imu_windows.py",
                "test_keywords.py",
                "test_mnist.py",
                "test_trial_fit.py",
                "test_recipes_of_docs.py",
                "test_search.py",
            ],
        ),
        (
            "edgeforge/quantize/tflite/convert.py",
            [
                "test_battery_life.py",
                "test_conversion_matrix.py",
                "test_all_forms.py",
                "test_imu_windows.py",
                "test_keywords.py",
                "test_mnist.py",
                "test_trial_fit.py",
                "test_recipes_of_docs.py",
                "test_random_networks.py",
            ],
        ),
        ("firmware/engine/engine.h", ["test_random_graphs.py"]),
        ("docs/conversion.md", ["test_conversion_matrix.py"]),
        ("tests/end_to_end/test_mnist.py", ["test_mnist.py"]),
        ("constraints.txt", list(proofs.COVERS)),
    ],
)
def test_a_proof_is_needed_where_a_path_that_it_covers_changed(
    change: Change, tmp_path: Path, path: str, expected: list[str]
) -> None:
    change(path)
    assert proofs.last_green(tmp_path) == "green-1"
    assert proofs.needed("green-1", tmp_path) == [f"{proofs.TESTS}/{name}" for name in expected]
    change("notes.md")  # what lies further back counts as well
    assert proofs.needed("green-1", tmp_path) == [f"{proofs.TESTS}/{name}" for name in expected]


def test_without_a_green_tag_or_without_git_all_are_needed(change: Change, tmp_path: Path) -> None:
    subprocess.run(["git", "tag", "--delete", "green-1"], cwd=tmp_path, check=True, capture_output=True)
    assert proofs.last_green(tmp_path) is None and proofs.needed(None, tmp_path) == EVERY
    assert proofs.needed("green-1", tmp_path) == EVERY, "git knows no such tag"
