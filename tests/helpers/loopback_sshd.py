"""An sshd of a test's own on loopback, with keys of its own: a device for `deploy`."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

SSHD = shutil.which("sshd") or shutil.which("/usr/sbin/sshd")


@contextlib.contextmanager
def loopback_sshd(folder: Path) -> Iterator[list[str]]:
    """Run it, its files in `folder`; yield the options of `deploy` that reach it."""
    if SSHD is None:
        pytest.skip("sshd is not installed: apt-get install openssh-server rsync")
    if os.getuid() == 0:  # it asks for this folder when root starts it
        Path("/run/sshd").mkdir(exist_ok=True)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # The packages of this environment stand in for the registry: pip finds its pins installed.
    packages = ":".join(path for path in sys.path if path.endswith("-packages"))
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {folder}/user.pub\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        f"PermitRootLogin prohibit-password\nSetEnv PYTHONPATH={packages}\n"
    )
    public = (folder / "host.pub").read_text().split()
    (folder / "known").write_text(f"[127.0.0.1]:{port} {public[0]} {public[1]}\n")
    server = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "config"], stderr=subprocess.PIPE)
    options = ["--host", f"{getpass.getuser()}@127.0.0.1", "--port", str(port), "--identity", str(folder / "user"),
               "--ssh-option", f"UserKnownHostsFile={folder}/known", "--folder", str(folder / "there"),
               "--python", sys.executable]  # fmt: skip
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield options
    finally:
        server.terminate()
        server.wait(10)
