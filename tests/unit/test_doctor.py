import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from edgeforge import doctor
from edgeforge.doctor import Diagnosis, diagnose, diagnose_arithmetic
from edgeforge.evaluate.desk.found import Found
from edgeforge.extras import EXTRAS


def found() -> dict[str, Diagnosis]:
    return {row.what.split("==")[0].split(">=")[0]: row for row in diagnose()}


def test_this_environment_can_build() -> None:
    rows = found()
    assert not [row for row in rows.values() if row.state == "missing"]
    assert rows["torch"].state == "ok" and rows["memory"].found.endswith("GB") and "arduino-cli" in rows


def test_a_missing_and_an_old_package_are_named_with_their_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "onnx2tf":
            raise PackageNotFoundError(name)
        return "0.1"

    monkeypatch.setattr(doctor, "version", version)
    rows = found()
    assert rows["onnx2tf"].state == "missing" and rows["onnx2tf"].found == "not installed"
    assert rows["torch"].state == "missing" and rows["torch"].remedy == 'pip install "torch==2.13.0"'


def test_an_extra_that_is_not_installed_is_optional_and_says_what_it_brings(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = doctor.version

    def version(name: str) -> str:
        if name in EXTRAS["train"].packages:
            raise PackageNotFoundError(name)
        return installed(name)

    monkeypatch.setattr(doctor, "version", version)
    rows = found()
    assert rows["extra [train]"].state == "optional" and "torch" not in rows
    assert rows["extra [train]"].remedy.endswith("exports: pip install 'edgeforge-toolchain[train]'")
    assert rows["typer"].state == "ok"


@pytest.mark.parametrize(("version", "state"), [((3, 11), "missing"), ((3, 12), "ok"), ((3, 13), "ok")])
def test_python_is_of_a_version_that_it_runs_on(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int], state: str
) -> None:
    monkeypatch.setattr(sys, "version_info", (*version, 1, "final", 0))
    assert diagnose()[0].what == "Python 3.12 or 3.13" and diagnose()[0].state == state


@pytest.mark.parametrize(("torch", "state"), [("2.13.0+cpu", "note"), ("2.13.0", "ok")])
def test_torchvision_of_another_build_is_noted(monkeypatch: pytest.MonkeyPatch, torch: str, state: str) -> None:
    monkeypatch.setattr(doctor, "version", lambda name: torch if name == "torch" else "0.28.0")
    assert found()["torchvision's operators"].state == state


@pytest.mark.parametrize(("vnni", "text"), [(True, "VNNI, "), (False, "no VNNI, ")])
def test_a_processor_without_vnni_is_told(monkeypatch: pytest.MonkeyPatch, vnni: bool, text: str) -> None:
    monkeypatch.setattr(doctor, "has_vnni", lambda: vnni)
    assert found()["int8 instructions"].found.startswith(text)


def test_what_is_trustworthy_here_is_said_last(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [[Found("TFLM", "agrees", True)], [Found("PyTorch x86", "63 steps away", False, "compare with qnnpack")]]
    monkeypatch.setattr(doctor, "check_desk", lambda: iter(rows))
    said = [row for more in diagnose_arithmetic() for row in more]
    assert [row.state for row in said] == ["ok", "note", "note"] and said[1].remedy == "compare with qnnpack"
    assert said[2].found == "TFLM" and said[2].remedy == "not: PyTorch x86"


def installed(site: Path, name: str, command: str, requirement: str) -> None:
    """Write what pip leaves of an installed package."""
    folder = site / f"{name.replace('-', '_')}-1.0.dist-info"
    folder.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\nRequires-Dist: {requirement}\n"
    (folder / "METADATA").write_text(metadata)
    (folder / "entry_points.txt").write_text(f"[console_scripts]\nedgeforge = {command}\n")


def rows_with(monkeypatch: pytest.MonkeyPatch, site: Path) -> dict[str, Diagnosis]:
    found()  # imports what it needs while it can
    monkeypatch.setattr(sys, "path", [str(site)])
    return found()


@pytest.mark.parametrize("name", ["edgeforge-toolchain", "edgeforge"])
def test_its_own_package_is_known_by_its_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    installed(tmp_path, name, "edgeforge.cli:main", "own-need>=1")
    rows = rows_with(monkeypatch, tmp_path)
    assert rows["own-need"].state == "missing" and "edgeforge-toolchain" not in rows


def test_an_older_package_beside_its_own_and_another_tool_are_not_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed(tmp_path, "edgeforge", "edgeforge.cli:main", "old-need>=1")
    installed(tmp_path, "edgeforge-toolchain", "edgeforge.cli:main", "own-need>=1")
    rows = rows_with(monkeypatch, tmp_path)
    assert "own-need" in rows and "old-need" not in rows


def test_another_tool_of_the_name_is_not_taken_for_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed(tmp_path, "edgeforge", "edgeforge.main:app", "foreign-need>=1")
    rows = rows_with(monkeypatch, tmp_path)
    assert rows["edgeforge-toolchain"].state == "missing" and "foreign-need" not in rows
    assert rows["edgeforge-toolchain"].remedy == "pip install -e ."
