from importlib.metadata import PackageNotFoundError

import pytest

from edgeforge import doctor
from edgeforge.doctor import Diagnosis, diagnose


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


@pytest.mark.parametrize(("torch", "state"), [("2.13.0+cpu", "note"), ("2.13.0", "ok")])
def test_torchvision_of_another_build_is_noted(monkeypatch: pytest.MonkeyPatch, torch: str, state: str) -> None:
    monkeypatch.setattr(doctor, "version", lambda name: torch if name == "torch" else "0.28.0")
    assert found()["torchvision's operators"].state == state


@pytest.mark.parametrize(("vnni", "state"), [(True, "ok"), (False, "note")])
def test_a_processor_without_vnni_is_noted(monkeypatch: pytest.MonkeyPatch, vnni: bool, state: str) -> None:
    monkeypatch.setattr(doctor, "has_vnni", lambda: vnni)
    assert found()["int8 instructions"].state == state
