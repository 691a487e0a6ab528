"""A process that has imported all that is heavy once, and forks for each run of the command line.

As a program it reads orders (JSON lines) and writes what became of each; `Warm` is its client. A run of its own process
can crash, hang, fill memory or write anywhere, and is only counted for it: an import of PyTorch each would take days.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from note_writes import note_writes

HEAVY = ("numpy", "yaml", "pydantic", "rich.console", "rich.progress", "PIL.Image", "onnx", "onnxruntime",
         "ai_edge_litert.interpreter", "ai_edge_litert.schema_py_generated", "tflite_micro.python.tflite_micro.runtime",
         "ai_edge_quantizer.quantizer", "optuna", "scipy.io.wavfile", "serial", "jinja2", "torch",
         "edgeforge.cli", "edgeforge.pipeline")  # fmt: skip
GIGABYTE = 2**30
HANG_SECONDS = 10.0  # of processor time, or of time asleep
LONGEST_SECONDS = 60.0  # of a run in all, without what it waits for a processor that others have
MOST_MEMORY = 1 * GIGABYTE  # above the warm process
PR_SET_CHILD_SUBREAPER = 36
PAGE = os.sysconf("SC_PAGE_SIZE")
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Ended:
    """What became of one run: exit code (None: a signal ended it), why it was stopped, what it said and took."""

    code: int | None
    signal: int  # 0: none
    stopped: str  # hang or memory, or empty
    seconds: float
    memory: int  # bytes above the warm process, at the most
    left: int  # processes that outlived it
    out: str
    err: str
    written: tuple[str, ...]  # paths that its Python code opened for writing, or removed


class Warm:
    """The client: start it once, run many. Not for two threads at a time."""

    def __init__(self) -> None:
        command = [sys.executable, __file__]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(command, **pipes, text=True, env=environment)  # type: ignore[call-overload]

    def __enter__(self) -> Warm:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:  # still importing, or a run has not ended
            self.process.kill()
            self.process.wait()

    def run(self, arguments: list[str], folder: Path, environment: dict[str, str], patience: float = 1.0) -> Ended:
        """Run `edgeforge ARGUMENTS` in a folder; its output goes beside it. patience: times the limits."""
        assert self.process.stdin and self.process.stdout
        said = folder.parent / "said"
        said.mkdir(exist_ok=True)
        order = {"arguments": arguments, "folder": str(folder), "said": str(said), "environment": environment,
                 "patience": patience}  # fmt: skip
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError("the warm process has ended")
        found = json.loads(answer)
        texts = {name: (said / name).read_bytes()[:200_000].decode(errors="replace") for name in ("out", "err")}
        written = (said / "written").read_text(errors="replace").splitlines() if (said / "written").exists() else []
        return Ended(**found, **texts, written=tuple(dict.fromkeys(written)))


def main() -> None:
    """Import, then answer orders until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for name in HEAVY:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for line in sys.stdin:
        print(json.dumps(_one(json.loads(line))), file=answers, flush=True)


def _one(order: dict) -> dict:  # type: ignore[type-arg]
    base = _memory(os.getpid())
    child = os.fork()
    if child == 0:
        _be_the_command_line(order)
    started, patience = time.monotonic(), order["patience"]
    peak, stopped, busy, last_busy, starved = 0, "", 0.0, started, 0.0
    before, seen_at = 0.0, started
    seen: set[int] = {child}
    pause = 0.002
    while True:
        ended, status, usage = os.wait4(child, os.WNOHANG)
        if ended:
            break
        tree = _tree(child)
        seen |= tree
        peak = max(peak, sum(max(0, _memory(pid) - (base if pid == child else 0)) for pid in tree))
        now, used, ready = time.monotonic(), sum(map(_processor, tree)), any(map(_is_ready, tree))
        if ready:
            starved += max(0.0, now - seen_at - (used - before))
        before, seen_at = used, now
        if used > busy + 0.02 or ready:
            busy, last_busy = used, now
        if peak > MOST_MEMORY * (2 if patience > 1 else 1):
            stopped = "memory"
        elif (now - started > HANG_SECONDS * patience and (busy > HANG_SECONDS * patience or now - last_busy > 5)) or (
            now - started - starved > LONGEST_SECONDS * patience
        ):
            stopped = "hang"
        if stopped:
            _end(tree)
            _, status, usage = os.wait4(child, 0)
            break
        time.sleep(pause)
        pause = min(pause * 1.3, 0.05)
    peak = max(peak, usage.ru_maxrss * 1024 - base)
    if peak > MOST_MEMORY * (2 if patience > 1 else 1) and not stopped:
        stopped = "memory"
    left = _leftovers(stopped != "")
    return {
        "code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        "stopped": stopped, "seconds": time.monotonic() - started, "memory": peak, "left": left,
    }  # fmt: skip


def _be_the_command_line(order: dict) -> None:  # type: ignore[type-arg]
    """Run the command line as a process of its own would, and leave."""
    os.setsid()
    os.chdir(order["folder"])
    os.environ.update(order["environment"])
    said = Path(order["said"])
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    for number, name in ((1, "out"), (2, "err")):
        descriptor = os.open(said / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, number)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * GIGABYTE, 2 * GIGABYTE))
    resource.setrlimit(resource.RLIMIT_AS, (_address_space() + 24 * GIGABYTE,) * 2)
    import tempfile

    tempfile.tempdir = None
    note_writes(order["environment"]["HOSTILE_WRITTEN"])
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(n, m, closefd=False) for n, m in ((0, "r"), (1, "w"), (2, "w")))
    sys.argv = ["edgeforge", *order["arguments"]]
    code = 1
    try:
        from edgeforge.cli import main as command_line

        command_line()
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            import logging

            logging.shutdown()
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * PAGE


def _memory(pid: int) -> int:
    """Return the resident bytes of a process; 0 when it has gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError, ValueError):
        return 0


def _processor(pid: int) -> float:
    """Return the seconds of processor time of a process and of its dead children."""
    try:
        parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, parts[11:15])) / TICK
    except (OSError, IndexError, ValueError):
        return 0.0


def _is_ready(pid: int) -> bool:
    """Say whether a thread of a process computes, or would if it had a processor or what it reads from a disk."""
    try:
        states = [(task / "stat").read_text().rpartition(") ")[2][0] for task in Path(f"/proc/{pid}/task").iterdir()]
    except (OSError, IndexError):
        return False
    return "R" in states or "D" in states


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    except OSError:
        pass
    return found


def _tree(pid: int) -> set[int]:
    found, waiting = set(), [pid]
    while waiting:
        one = waiting.pop()
        found.add(one)
        waiting += [child for child in _children(one) if child not in found]
    return found


def _end(pids: set[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _leftovers(stopped: bool) -> int:
    """Return how many processes outlived a run by more than two seconds; end them."""
    until = time.monotonic() + (0 if stopped else 2.0)
    while True:
        _reap()
        left = _children(os.getpid())
        if not left:
            return 0
        if time.monotonic() > until:
            break
        time.sleep(0.05)
    for pid in left:
        _end(_tree(pid))
    time.sleep(0.05)
    _reap()
    return 0 if stopped else len(left)


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


Run = Callable[[list[str], Path, dict[str, str]], Ended]

if __name__ == "__main__":
    main()
