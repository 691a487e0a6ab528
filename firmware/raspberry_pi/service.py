"""The HTTP endpoint as a service of the user, without root: a systemd unit for the folder where this bundle lies.

python service.py                                      prints the unit
python service.py --install -- --host 0.0.0.0          puts it in place and starts it (after --: server.py's options)
"""

from __future__ import annotations

import argparse
import getpass
import os
import subprocess
from pathlib import Path

from bundle import HERE, Bundle, BundleError, write_whole
from options import run_script

UNIT = """\
[Unit]
Description=EdgeForge classifier {name}
StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
WorkingDirectory={folder}
ExecStart={command}
Restart=on-failure
RestartSec=2
NoNewPrivileges=true

[Install]
WantedBy=default.target
"""


def main() -> int:
    """Print the unit, or put it into the user's units and start it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--install", action="store_true", help="write it to ~/.config/systemd/user and start it")
    parser.add_argument("server", nargs="*", help="options of server.py, after --")
    options = parser.parse_args()
    name, text = f"edgeforge-{Bundle.read().name}.service", unit(HERE, options.server)
    if not options.install:
        print(text, end="")
        return 0
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    place = home / "systemd" / "user" / name
    write_whole(place, text)
    print(f"wrote {place}")
    for words in (["daemon-reload"], ["enable", name], ["restart", name]):
        systemctl(words)
    print(f"started: systemctl --user status {name}")
    print(f"to have it from boot, before anyone logs in: sudo loginctl enable-linger {getpass.getuser()}")
    return 0


def unit(folder: Path, server: list[str]) -> str:
    """Return the unit for a bundle in `folder`. Raises BundleError for a path that systemd cannot hold."""
    if any(ord(letter) < 32 for letter in str(folder)):
        raise BundleError(f"{str(folder)!r}: systemd takes no folder with such a name; move the bundle")
    # By env: systemd takes no program with a quote in its path.
    command = ["/usr/bin/env", str(folder / ".venv" / "bin" / "python"), "server.py", *server]
    return UNIT.format(name=Bundle.read(folder).name, folder=str(folder).replace("%", "%%"),
                       command=" ".join(quoted(word) for word in command))  # fmt: skip


def quoted(word: str) -> str:
    """Return a word as ExecStart= reads it: systemd.service(5), "Command lines"; systemd.unit(5), "Specifiers"."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if escaped != word or " " in word or "'" in word else word


def systemctl(words: list[str]) -> None:
    """Tell the user's systemd. Raises BundleError with what it says."""
    try:
        done = subprocess.run(["systemctl", "--user", *words], capture_output=True, text=True)
    except OSError as error:
        raise BundleError(
            "systemctl is not here: this system is not run by systemd; start server.py by hand"
        ) from error
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        said = lines[0] if lines else f"exit code {done.returncode}"
        advice = "log in as this user, by ssh or at its screen (sudo and su give no session), and try again"
        raise BundleError(f"systemctl --user {' '.join(words)}: {said}; {advice}")


if __name__ == "__main__":
    run_script(main)
