"""The bundle of a real build: measured on this desk, deployed to an sshd on loopback, served."""

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from builds import DIGITS, EPOCHS, copy_build
from elsewhere import Elsewhere
from loopback_sshd import loopback_sshd
from places import ROOT

from edgeforge.errors import StageFailed
from edgeforge.results.report_file import read_report
from edgeforge.targets.raspberry_pi import ssh

pytestmark = pytest.mark.build
VARIANTS = {"onnx-fp32", "onnx-static-int8", "tflite-int8"}


def test_the_report_shows_the_bundle_measured_on_this_desk(digits_build: Path) -> None:
    pi = read_report(digits_build).raspberry_pi
    assert pi and pi.left_out == "" and (digits_build / pi.bundle).stat().st_size == pi.size_bytes
    assert [Path(name).name for name in pi.files] == ["digits_fp32.onnx", "digits_int8.onnx", "digits_int8.tflite"]
    (desk,) = pi.devices
    assert desk.name == "desk" and all(row.passed and row.largest_difference == 0 for row in desk.selftest)
    assert {row.variant for row in desk.latency} == VARIANTS and desk.chosen
    for row in desk.load:
        assert row.p99_ms > 0 and row.statuses == {"200": row.requests}
    assert desk.load or "not installed" in desk.load_reason
    page = (digits_build / "report.html").read_text()
    assert ">Raspberry Pi</h2>" in page and "Threads against latency" in page


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[list[str]]:
    """Yield the options that reach a server of our own."""
    with loopback_sshd(tmp_path) as options:
        yield options


def test_deploy_measures_on_the_device_and_the_report_shows_it(
    digits_out: Path, tmp_path: Path, edgeforge, sshd: list[str]
) -> None:  # type: ignore[no-untyped-def]
    out = copy_build(digits_out, tmp_path / "build")
    elsewhere = Elsewhere(tmp_path / "elsewhere")
    done = edgeforge("deploy", "digits", "--out", out, *sshd, "--runs", "20", "--server", **elsewhere.ways)
    assert done.returncode == 0, done.stderr
    assert not elsewhere.changed()
    pi = read_report(out / "digits").raspberry_pi
    assert pi and len(pi.devices) == 2
    desk, device = pi.devices
    assert desk.name == "desk"
    assert device.name.startswith("127.0.0.1-") and all(row.passed for row in device.selftest)
    assert {row.variant for row in device.latency} == VARIANTS and device.load
    assert f"{device.name} " in (out / "digits" / "report.html").read_text()
    there = tmp_path / "there"
    assert json.loads((there / "choice.json").read_text())["variant"] in VARIANTS
    # A later build takes the device's figures up, and does not take the report for edited.
    built = edgeforge("build", DIGITS, "--out", out, *EPOCHS)
    assert built.returncode == 0 and "edited" not in built.stderr, built.stderr
    again = read_report(out / "digits")
    assert again.raspberry_pi and [row.name for row in again.raspberry_pi.devices] == ["desk", device.name]
    planned = edgeforge("plan", DIGITS, "--out", out, *EPOCHS)
    assert "Everything is up to date" in planned.stdout
    # Deployed again: what is installed and chosen there stays; a damaged file is replaced.
    (there / "labels.txt").write_text("wrong\n")
    venv = (there / ".venv" / "pyvenv.cfg").stat().st_mtime_ns
    done = edgeforge("deploy", out / "digits", *sshd, "--runs", "20")
    assert done.returncode == 0, done.stderr
    assert len((there / "labels.txt").read_text().splitlines()) == 10
    assert (there / ".venv" / "pyvenv.cfg").stat().st_mtime_ns == venv
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.jpg").write_text("mine")
    foreign = edgeforge("deploy", out / "digits", *sshd, "--folder", photos)
    assert foreign.returncode == 4 and "was not made by deploy" in foreign.stderr, foreign.stderr
    assert [path.name for path in photos.iterdir()] == ["a.jpg"]
    refused = edgeforge("deploy", out / "digits", *sshd[:4], "--ssh-option", sshd[7])
    assert refused.returncode == 4 and "cannot be reached: " in refused.stderr and "Permission denied" in refused.stderr
    missing = edgeforge("deploy", out / "digits", *sshd[:-1], "no-such-python")
    assert missing.returncode == 4 and "has no Python" in missing.stderr


def test_without_rsync_the_bundle_goes_as_a_tar(
    tmp_path: Path, sshd: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    there, which = tmp_path / "there", shutil.which
    monkeypatch.setattr(ssh.shutil, "which", lambda name: None if name == "rsync" else which(name))
    (tmp_path / "here" / "models").mkdir(parents=True)
    (tmp_path / "here" / "models" / "a.onnx").write_bytes(b"model")
    remote = ssh.Remote(sshd[1], int(sshd[3]), Path(sshd[5]), (sshd[7],))
    assert remote.copy_folder(tmp_path / "here", str(there), ()) == "tar"
    assert (there / "models" / "a.onnx").read_bytes() == b"model"
    with pytest.raises(StageFailed, match=r"127\.0\.0\.1: "):
        remote.copy_folder(tmp_path / "here", "/proc/none", ())


def test_serve_runs_the_same_server_on_this_desk(digits_build: Path, tmp_path: Path) -> None:
    pytest.importorskip("fastapi", reason="needs the server: pip install 'edgeforge-toolchain[serve]'")
    command = [sys.executable, "-m", "edgeforge", "serve", str(digits_build), "--port", "0"]
    elsewhere = Elsewhere(tmp_path)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                               cwd=elsewhere.cwd, env={**os.environ, **elsewhere.environment})  # fmt: skip
    try:
        assert process.stdout
        url = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
        with urllib.request.urlopen(f"{url}/health", timeout=20) as answer:
            assert json.load(answer)["model"] == "digits"
    finally:
        process.terminate()
        process.wait(20)
    assert not elsewhere.changed()


@pytest.mark.skipif(
    "EDGEFORGE_PROVE_AARCH64" not in os.environ,
    reason="set EDGEFORGE_PROVE_AARCH64 to run the bundle on an emulated aarch64 (minutes, root, qemu, debootstrap)",
)
def test_the_bundle_proves_itself_on_aarch64(digits_build: Path) -> None:
    script = ROOT / "scripts" / "prove_aarch64.sh"
    done = subprocess.run([script, digits_build / "raspberry-pi" / "digits.tar.gz"], capture_output=True, text=True,
                          env={**os.environ, "PYTHON": sys.executable})  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "self-test passed on aarch64" in done.stdout
