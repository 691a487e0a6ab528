"""One remote host by OpenSSH's client: commands and copies, its errors as one clear line each."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgeforge.errors import EdgeForgeError, MissingDependency, RecipeError, StageFailed

# user@host or host, with an optional name, IPv4 or IPv6 address; nothing that ssh could take for an option.
NAME_OR_ADDRESS = r"[A-Za-z0-9][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*"
HOST = re.compile(rf"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?(?:{NAME_OR_ADDRESS})")
CONNECT_SECONDS = 10
# Runs what stands in its middle, and ends it with all that it started when standard input closes: the other end of
# that is held by EdgeForge, and closed by whatever ends it. Else an installation would go on there, beside the next.
TIED = (
    "exec 3<&0; (cat; kill -{signal} 0) <&3 >/dev/null 2>&1 & watcher=$!; ({script}\n) </dev/null 3<&-; code=$?; "
    "kill $watcher 2>/dev/null; exit $code"
)
FULL_DISK = "No space left on device"
SSH_FAILED = 255  # ssh's own exit code; any other is the remote command's
# What ssh says → what to do.
ADVICE = {
    "Could not resolve hostname": "check the name, or give the address: ssh pi@192.168.…",
    "Connection refused": "switch ssh on there: sudo raspi-config, Interface Options, SSH; or give --port",
    "timed out": "is it switched on and in this network?",
    "No route to host": "is it switched on and in this network?",
    "Network is unreachable": "is this computer in a network?",
    "Host key verification failed": "connect once by hand to see and accept the host's key: ssh HOST",
    "Permission denied": "copy your public key there: ssh-copy-id HOST; or name a key with --identity",
}


@dataclass(frozen=True)
class Remote:
    """A host as ssh reaches it, never asking for anything: keys, not passwords."""

    host: str
    port: int | None = None
    identity: Path | None = None
    options: tuple[str, ...] = ()  # ssh's own, such as ProxyJump=gate

    def __post_init__(self) -> None:
        if not HOST.fullmatch(self.host):
            raise RecipeError(f"--host {self.host}: not of the form user@host", fix="--host pi@raspberrypi.local")
        if self.identity and not self.identity.is_file():
            raise RecipeError(f"--identity {self.identity}: no such file", fix="name a private key of ssh")
        if shutil.which("ssh") is None:
            raise MissingDependency("ssh is not installed", fix="apt-get install openssh-client")

    @property
    def label(self) -> str:
        """The host's name for files and tables, without the user."""
        name = self.host.rpartition("@")[2].strip("[]").replace(":", "-")
        return f"{name}-{self.port}" if self.port not in (None, 22) else name

    def command(self) -> list[str]:
        """Return ssh with its options, without the host."""
        words = [
            "ssh",
            "-o",
            "BatchMode=yes",
            "-o",
            f"ConnectTimeout={CONNECT_SECONDS}",
            "-o",
            "ServerAliveInterval=15",
        ]
        words += ["-p", str(self.port)] if self.port else []
        words += ["-i", str(self.identity), "-o", "IdentitiesOnly=yes"] if self.identity else []
        for option in self.options:
            words += ["-o", option]
        return words

    def run(self, script: str, *, stdin: bytes | None = None, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a line of shell there, which ends with us; return it with its output. Raises StageFailed when ssh fails.

        stdin: what it reads: then it must end at its end.
        """
        try:
            if stdin is None:
                words = [*self.command(), self.host, TIED.format(script=script, signal="TERM")]
                with held() as ours:
                    done = subprocess.run(words, stdin=ours, capture_output=True, timeout=seconds)
            else:
                words = [*self.command(), self.host, script]
                done = subprocess.run(words, input=stdin, capture_output=True, timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise StageFailed(
                f"{self.host}: no end of `{script[:60]}` within {seconds:.0f} s",
                fix="is the device busy, or its network slow? Deploy again: what is done there is kept",
                stage="deploy",
            ) from error
        out, err = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
        if done.returncode == SSH_FAILED:
            raise self.error(err)
        return subprocess.CompletedProcess(words, done.returncode, out, err)

    def copy_folder(self, folder: Path, target: str, keep: Sequence[str]) -> str:
        """Make the remote folder `target` equal to `folder`, but for what `keep` names there; return the tool used.

        rsync sends what changed alone; without it at either end, the folder goes as a tar through ssh.
        """
        if shutil.which("rsync") and self.run("command -v rsync").returncode == 0:
            self._rsync(folder, target, keep)
            return "rsync"
        archive = subprocess.run(["tar", "-cf", "-", "-C", str(folder), "."], capture_output=True, check=True).stdout
        quoted = shlex.quote(target)
        done = self.run(f"mkdir -p {quoted} && tar -xf - --no-same-owner -C {quoted}", stdin=archive, seconds=600)
        if done.returncode:
            raise self.error(done.stderr)
        return "tar"

    def _rsync(self, folder: Path, target: str, keep: Sequence[str]) -> None:
        self.run(f"mkdir -p {shlex.quote(target)}")
        words = ["rsync", "-rpc", "--delete", "-e", shlex.join(self.command())]
        words += [f"--exclude=/{name}" for name in keep]
        host = self.host if self.host.count(":") < 2 or "[" in self.host else _bracketed(self.host)
        tied = ["sh", "-c", TIED.format(script=shlex.join([*words, f"{folder}/", f"{host}:{target}/"]), signal="KILL")]
        with held() as ours:
            done = subprocess.run(tied, stdin=ours, capture_output=True, text=True, timeout=600, start_new_session=True)
        if done.returncode:
            raise self.error(done.stderr)

    def error(self, text: str) -> EdgeForgeError:
        """Return the error for what ssh, rsync or tar wrote."""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if any(said in text for said in (FULL_DISK, "Wrote only")):  # tar says how much of a file it wrote
            return StageFailed(f"{self.host}: no space left on device", fix="free some space there", stage="deploy")
        for said, advice in ADVICE.items():
            for line in lines:
                if said in line:
                    fix = advice.replace("HOST", self.host)
                    return StageFailed(f"{self.host} cannot be reached: {line}", fix=fix, stage="deploy")
        reason = lines[0] if lines else "ssh failed without a word"
        return StageFailed(f"{self.host}: {reason}", fix=f"try it by hand: ssh {self.host}", stage="deploy")


@contextmanager
def held() -> Iterator[int]:
    """Yield the end to read of a pipe that closes when this process ends, however it does."""
    ours, other = os.pipe()
    try:
        yield ours
    finally:
        os.close(ours)
        os.close(other)


def _bracketed(host: str) -> str:
    """rsync wants an IPv6 address in brackets."""
    user, at, address = host.rpartition("@")
    return f"{user}{at}[{address}]"
