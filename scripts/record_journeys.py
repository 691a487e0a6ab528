"""Record the journeys of three of EdgeForge's users as text, by running them: every command, its output, its seconds.

    python scripts/record_journeys.py build/digits docs/journeys.md

The build is a fresh one of recipes/digits.yaml; the student's photographs and network are the tutorial's; the bundle is
installed from the registry. Ends with 1 when a command fails.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SHOWN = 28  # lines of one command's output; what is left out is counted
TUTORIAL = Path(__file__).parent.parent / "docs" / "tutorial.md"
HEAD = """# Three journeys, recorded

By `scripts/record_journeys.py`: the commands, what they print, and their seconds, on a two-core x86-64 desk that was
busy with other work, so that a quiet one is several times faster. The last one is a Raspberry Pi's bundle, but no
Raspberry Pi.
"""
JOURNEYS = {
    "A student with a network and photographs": [
        "ls; ls photos; ls photos/flower | wc -l",
        "edgeforge init photos.yaml --model net.py:Net --data photos/",
        "edgeforge plan photos.yaml --set train.epochs=8",
        "edgeforge build photos.yaml --set train.epochs=8",
        "edgeforge report build/photos",
        "ls build/photos/arduino/photos; head -20 build/photos/arduino/photos/README.txt",
    ],
    "A firmware engineer with a `.tflite`": [
        "edgeforge inspect model.tflite",
        "edgeforge fit model.tflite",
        "edgeforge pack model.tflite --board arduino-nano-33-ble --out sketch",
        "edgeforge compile model.tflite --out library",
    ],
    "A Raspberry Pi owner with a bundle": [
        "tar -xzf digits.tar.gz",
        "cd digits && ./install.sh --server",
        "cd digits && .venv/bin/python bench.py --choose --runs 50 --threads 1",
        "cd digits && .venv/bin/python run.py samples",
        "cd digits && (.venv/bin/python server.py --port 8765 & sleep 8; "
        "curl -sS -F image=@$(ls samples/*.png | head -1) http://127.0.0.1:8765/classify; kill $!)",
    ],
}


def main() -> int:
    """Write the page; return 1 when a command failed."""
    build, page = Path(sys.argv[1]), Path(sys.argv[2])
    text, failed = HEAD, 0
    with tempfile.TemporaryDirectory() as scratch:
        folders = [Path(scratch, str(number)) for number in range(len(JOURNEYS))]
        for folder in folders:
            folder.mkdir()
        for block in re.findall(r"```sh\n(.*?)```", TUTORIAL.read_text(), re.DOTALL)[:2]:  # photographs, network
            subprocess.run(["bash", "-c", block], cwd=folders[0], check=True)
        shutil.copy(build / "tflite" / "digits_int8.tflite", folders[1] / "model.tflite")
        shutil.copy(build / "raspberry-pi" / "digits.tar.gz", folders[2])
        for folder, (title, commands) in zip(folders, JOURNEYS.items(), strict=True):
            text += f"\n## {title}\n\n```text\n"
            for command in commands:
                started = time.perf_counter()
                done = subprocess.run(["bash", "-c", command], cwd=folder, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True, timeout=900)  # fmt: skip
                failed += done.returncode != 0
                text += f"$ {command}\n{shortened(done.stdout.replace(str(folder), '.'))}"
                text += f"({time.perf_counter() - started:.1f} s, exit code {done.returncode})\n\n"
            text = text.rstrip() + "\n```\n"
    page.write_text(text)
    return 1 if failed else 0


def shortened(output: str) -> str:
    """Return the first lines of an output, without colours, and how many are left out."""
    lines = [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", output).splitlines()]
    more = [f"… {len(lines) - SHOWN} lines more"] if len(lines) > SHOWN else []
    return "".join(f"{line}\n" for line in lines[:SHOWN] + more)


if __name__ == "__main__":
    sys.exit(main())
