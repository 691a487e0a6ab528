"""MNIST through torchvision: downloaded once with progress, or read from a given root."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.builder.stage import Job
from edgeforge.data.source import Source
from edgeforge.errors import RecipeError, StageFailed
from edgeforge.foreign.wording import cause
from edgeforge.inputs.memory import require_memory
from edgeforge.inputs.regular import named, open_regular

if TYPE_CHECKING:
    from edgeforge.builder.stage import Progress

BYTES = b"\0\0\x08"  # how a file of unsigned bytes begins; the number of its dimensions follows
LARGEST = 2**28  # bytes: MNIST's largest file has 47 MB


def load_mnist(job: Job) -> Source:
    """Return 60,000 training and 10,000 test images (N,1,28,28 uint8).

    Raises RecipeError when the given root's MNIST cannot be read, StageFailed when the download fails.
    """
    from edgeforge.torchvision_import import import_torchvision

    import_torchvision()
    from torchvision.datasets import MNIST

    given = next((path for name, path in job.files.items() if name.startswith("data/")), None)
    root = given.parents[2] if given else _cache_folder()
    for path in [file for name, file in job.files.items() if name.startswith("data/")]:
        require_idx(path)
    try:
        if not given:
            with _download_progress(job.progress):
                MNIST(root, download=True)
        train, test = MNIST(root, train=True), MNIST(root, train=False)
    except (OSError, RuntimeError, ValueError, AssertionError) as error:
        if given:
            raise RecipeError(
                f"data.root: the MNIST files in {given.parent} cannot be read: {cause(error)}",
                fix="copy them again, or leave data.root out to download them",
            ) from error
        raise StageFailed(
            "MNIST could not be downloaded: no mirror answers",
            fix="set data.root to a folder that holds MNIST/raw, or try again with a network",
        ) from error
    return Source(
        images=train.data.numpy()[:, None],
        labels=train.targets.numpy(),
        test_images=test.data.numpy()[:, None],
        test_labels=test.targets.numpy(),
        classes=tuple(str(digit) for digit in range(10)),
        raw_max=255.0,
        mean=(0.1307,),
        std=(0.3081,),
    )


def require_idx(path: Path) -> None:
    """Raise RecipeError unless a file of bytes in MNIST's format (idx) holds what its header promises."""
    fix = "copy it again, or leave data.root out to download it"
    with open_regular(path, fix, LARGEST) as file:
        size, head = os.fstat(file.fileno()).st_size, file.read(4)
        sizes = file.read(4 * head[3]) if len(head) == 4 and head[:3] == BYTES else b""
    if not sizes or len(sizes) < 4 * head[3]:
        raise RecipeError(f"data.root: {named(path)} is no file of MNIST's format (idx), or a damaged one", fix=fix)
    shape = struct.unpack(f">{head[3]}I", sizes)
    promised, there = prod(shape), size - 4 - len(sizes)
    if promised != there:
        reason = f"data.root: {named(path)} promises {promised:,} bytes, of the shape {shape}, and {there:,} are there"
        raise RecipeError(reason, fix=fix)
    require_memory(promised, f"data.root: {named(path)}")


def _cache_folder() -> Path:
    folder = Path.home() / ".cache" / "edgeforge" / "data"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _download_progress(progress: Progress) -> Iterator[None]:
    """Pass the progress of torchvision's downloads (a tqdm bar of its own) on to the build's."""
    from torchvision.datasets import utils

    original = utils.tqdm

    class Bar(original):  # type: ignore[misc, valid-type]
        def update(self, n: float | None = 1) -> Any:
            done = super().update(n)
            progress(self.n / self.total if self.total else 0.0, f"downloading, {self.n >> 10} KB")
            return done

    utils.tqdm = Bar
    try:
        yield
    finally:
        utils.tqdm = original
