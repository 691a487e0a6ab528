"""What `edgeforge deploy` says of devices that the bundle cannot run on; the real way there is in end_to_end."""

import subprocess
from pathlib import Path

import pytest

from edgeforge.errors import RecipeError, StageFailed
from edgeforge.results.report_file import build_folder
from edgeforge.targets.raspberry_pi.deploy import PROBE, bundle_of, check, claim, probe, require_plain
from edgeforge.targets.raspberry_pi.ssh import Remote

PI = {"machine": "aarch64", "version": "3.11", "bits": "64", "free_mb": "9000"}


def test_a_device_as_it_should_be_passes() -> None:
    check(Remote("pi@pi"), PI)
    check(Remote("pi@pi"), PI | {"machine": "x86_64", "version": "3.9", "free_mb": "10", "installed": "yes"})


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (
            {"machine": "armv7l", "bits": "32"},
            "pi@pi is armv7l with a 32-bit Python: onnxruntime and LiteRT have wheels for 64-bit",
        ),
        ({"bits": "32"}, "aarch64 with a 32-bit Python"),
        ({"machine": "riscv64"}, "pi@pi is riscv64"),
        ({"version": "", "bits": ""}, "pi@pi has no Python"),
        ({"version": "3.8"}, r"pi@pi has Python 3\.8; the bundle takes 3\.9 to 3\.14"),
        ({"version": "3.15"}, r"has Python 3\.15"),
        ({"free_mb": "12"}, "no space left: 12 MB are free, 400 MB are needed"),
    ],
)
def test_a_device_that_cannot_is_one_line_with_a_fix(facts: dict[str, str], reason: str) -> None:
    with pytest.raises(StageFailed, match=reason) as caught:
        check(Remote("pi@pi"), PI | facts)
    assert caught.value.fix and "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_said() -> None:
    facts = {key: value for key, value in PI.items() if key != "free_mb"}
    with pytest.raises(StageFailed, match="cannot be made or written"):
        check(Remote("pi@pi"), facts)


def test_the_probe_tells_what_this_computer_is(tmp_path: Path) -> None:
    done = subprocess.run(["sh", "-c", PROBE.format(python="python3", folder=tmp_path / "new")], capture_output=True,
                          text=True)  # fmt: skip
    facts = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert done.returncode == 0 and facts["machine"] and facts["bits"] == "64" and int(facts["free_mb"]) > 0
    assert "installed" not in facts and not (tmp_path / "new").exists()


class Here(Remote):
    """This computer, as ssh would run a command on it."""

    def run(self, script: str, *, stdin: bytes | None = None, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["sh", "-c", script], capture_output=True, text=True)


def test_a_folder_there_is_taken_only_when_it_is_new_empty_or_made_by_deploy(tmp_path: Path) -> None:
    here = Here("pi@pi")
    for place in (tmp_path / "deep" / "new", tmp_path / "empty"):
        if place.name == "empty":
            place.mkdir()
        claim(here, str(place))
        (place / "model.onnx").write_text("x")
        claim(here, str(place))


@pytest.mark.parametrize("what", ["photos", ".ssh", "linked", "file"])
def test_somebody_elses_folder_there_stays(tmp_path: Path, what: str) -> None:
    place = tmp_path / what
    if what == "file":
        place.write_text("x")
    elif what == "linked":
        (tmp_path / "home").mkdir()
        (tmp_path / "home" / "authorized_keys").write_text("x")
        place.symlink_to(tmp_path / "home")
    else:
        place.mkdir()
        (place / "authorized_keys").write_text("x")
    before = sorted(map(str, tmp_path.rglob("*")))
    with pytest.raises(StageFailed, match="was not made by deploy") as caught:
        claim(Here("pi@pi"), str(place))
    assert "--folder" in caught.value.fix and sorted(map(str, tmp_path.rglob("*"))) == before


@pytest.mark.parametrize(
    "place",
    [
        ".",
        "./",
        "/",
        "..",
        "../x",
        "a/../../b",
        "-rf",
        "a/-rf",
        "~",
        "$HOME",
        "a b",
        "a;b",
        "a`b`",
        "",
        "a\nb",
        "ü",
        "*",
    ],
)
def test_a_folder_that_is_no_plain_name_is_refused(place: str) -> None:
    with pytest.raises(RecipeError, match="--folder"):
        require_plain(place)


@pytest.mark.parametrize(
    "host",
    ["-oProxyCommand=touch /tmp/x", "pi@", "", "pi@a b", "pi@host;ls", "a@b@c", ":module", "a:b", "pi@$(ls)", "pi@a\nb",
     "-pi@a", "pi@-a"],
)  # fmt: skip
def test_a_host_that_is_none_is_refused(host: str) -> None:
    with pytest.raises(RecipeError, match="not of the form user@host"):
        Remote(host)


@pytest.mark.parametrize(
    ("host", "port", "label"),
    [("pi@raspberrypi.local", None, "raspberrypi.local"), ("pi@10.0.0.7", 2222, "10.0.0.7-2222"), ("pi", 22, "pi"),
     ("pi@fe80::1", None, "fe80--1")],
)  # fmt: skip
def test_a_device_is_named_by_its_host(host: str, port: int | None, label: str) -> None:
    assert Remote(host, port).label == label


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            "ssh: Could not resolve hostname pi.x: Name or service not known",
            "cannot be reached: ssh: Could not resolve",
        ),
        ("x\nroot@pi: Permission denied (publickey).", "Permission denied"),
        ("tar: a: Cannot write: No space left on device", "no space left on device"),
        ("strange", "pi@pi: strange"),
    ],
)
def test_what_ssh_says_becomes_one_line_with_a_fix(said: str, reason: str) -> None:
    error = Remote("pi@pi").error(said)
    assert reason in error.reason and error.fix and "\n" not in error.reason


def test_a_name_that_is_no_build_and_a_build_without_a_bundle_are_said(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="neither a build folder nor a recipe's name"):
        build_folder("none", tmp_path)
    with pytest.raises(RecipeError, match="no Raspberry Pi bundle") as caught:
        bundle_of(tmp_path)
    assert "raspberry_pi: {}" in caught.value.fix


def test_an_interpreter_cannot_smuggle_shell(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="not the path of an interpreter"):
        probe(Remote("pi@pi"), "python3; rm -rf x", "edgeforge/x")


def test_an_unreachable_host_ends_soon_with_one_line() -> None:
    with pytest.raises(StageFailed, match=r"127\.0\.0\.1 cannot be reached: .*Connection refused"):
        Remote("pi@127.0.0.1", 1).run("true")  # nothing listens on port 1
