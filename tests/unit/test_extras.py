"""A package that is missing is told with the extra that brings it."""

import tomllib

import pytest
from packaging.requirements import Requirement
from places import ROOT

from edgeforge.cli.app import main
from edgeforge.errors import EdgeForgeError, RecipeError, StageFailed
from edgeforge.extras import CORE, EXTRAS, missing, missing_in

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def names(lines: list[str]) -> set[str]:
    wanted = {Requirement(line).name.lower() for line in lines}
    return wanted - {"edgeforge-toolchain"}


def test_the_core_is_what_pyproject_says() -> None:
    assert names(PROJECT["dependencies"]) == set(CORE)


@pytest.mark.parametrize("extra", [name for name in PROJECT["optional-dependencies"] if name != "dev"])
def test_an_extra_is_what_pyproject_says(extra: str) -> None:
    if extra == "tensorflow":  # an extra of onnx2tf, which names the packages
        assert "onnx2tf[tensorflow]==2.6.9" in PROJECT["optional-dependencies"][extra]
    else:
        assert names(PROJECT["optional-dependencies"][extra]) == set(EXTRAS[extra].packages)


@pytest.mark.parametrize(
    ("module", "said", "extra"),
    [
        ("torch", "torch is not installed: this needs the extra [train]", "[train]"),
        ("sklearn", "scikit-learn is not installed: this needs the extra [train]", "[train]"),
        ("tensorflow", "tensorflow is not installed: this needs the extra [tensorflow]", "[tensorflow]"),
        ("fastapi", "fastapi is not installed: this needs the extra [serve]", "[serve]"),
        ("serial", "pyserial is not installed", ""),
    ],
)
def test_a_failed_import_names_the_extra(module: str, said: str, extra: str) -> None:
    error = missing_in(ModuleNotFoundError(f"No module named '{module}'", name=module))
    command = f"pip install 'edgeforge-toolchain{extra}'" if extra else "pip install edgeforge-toolchain"
    assert error and (error.reason, error.fix) == (said, command)
    assert error.exit_code == 3


def test_several_packages_are_one_line_and_one_command() -> None:
    error = missing(["torch", "scipy", "tf_keras"])
    assert error.reason == "torch, scipy, tf-keras are not installed: this needs the extras [train] and [tensorflow]"
    assert error.fix == "pip install 'edgeforge-toolchain[train,tensorflow]'"


def test_a_cause_is_found_and_what_is_not_ours_is_not() -> None:
    wrapped = RecipeError("net.pt cannot be loaded")
    wrapped.__cause__ = ModuleNotFoundError(name="torch")
    assert missing_in(wrapped)
    assert not missing_in(ModuleNotFoundError(name="none_such"))
    assert not missing_in(ModuleNotFoundError(name="numpy.none_such")), "numpy is there, and has no such module"
    assert not missing_in(StageFailed("another failure"))


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_command_line_ends_with_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wrapped: bool
) -> None:
    def verb(**_: object) -> None:
        try:
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        except ModuleNotFoundError as error:
            if wrapped:
                raise EdgeForgeError("it cannot be read") from error
            raise

    monkeypatch.setattr("edgeforge.cli.app.app", verb)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 3
    shown = capsys.readouterr().err.splitlines()
    assert shown[0] == "error: torch is not installed: this needs the extra [train]" and len(shown) == 2
