"""A PostgreSQL of its own on loopback, from Debian's programs, for as long as a test needs it."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
BIN = next((place for place in PLACES if (place / "initdb").exists()), None)
if BIN is None and (found := shutil.which("initdb")):
    BIN = Path(found).parent


def why_not() -> str:
    """Return why there can be none here; empty where there can."""
    if BIN is None:
        return "PostgreSQL is not installed: apt-get install postgresql"
    return "" if os.getuid() or _user() else "root may not run PostgreSQL, and there is no user postgres or nobody"


def _user() -> str:
    names = {one.pw_name for one in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), "")


@contextmanager
def postgres() -> Iterator[str]:
    """Yield the address of an empty database."""
    assert BIN
    with tempfile.TemporaryDirectory(prefix="edgeforge-pg-") as root:
        data = Path(root) / "data"
        as_user: list[str] = []
        if not os.getuid():
            shutil.chown(root, _user())
            as_user = ["runuser", "-u", _user(), "--"]
        subprocess.run(
            [*as_user, str(BIN / "initdb"), "-D", str(data), "-U", "me", "-A", "trust", "-E", "UTF8", "--locale=C"],
            check=True, capture_output=True, cwd=root,
        )  # fmt: skip
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = f"-h 127.0.0.1 -p {port} -k {root} -c fsync=off -c max_connections=400"
        run = [*as_user, str(BIN / "pg_ctl"), "-D", str(data), "-w"]
        subprocess.run([*run, "-o", options, "-l", f"{data}/log", "start"], check=True, capture_output=True, cwd=root)
        try:
            yield f"postgresql://me@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*run, "-m", "immediate", "stop"], check=True, capture_output=True, cwd=root)
