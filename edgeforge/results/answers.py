"""answers.npz of a build folder: how far each variant was off on each test input, so that two builds can be paired."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.errors import RecipeError
from edgeforge.results.files import ANSWERS_FILE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SPLIT = "split"  # the array that holds its SHA-256; no variant is named so


@dataclass(frozen=True)
class Answers:
    """The primary head's errors over the test split.

    split: SHA-256 of the inputs and labels. errors: variant → N float32: 0 right and 1 wrong of classes, of a value
    found minus true in its unit; NaN where the variant was not run.
    """

    split: str
    errors: dict[str, NDArray[np.float32]]

    def write(self, folder: Path) -> None:
        """Write answers.npz."""
        import numpy as np

        split = np.frombuffer(bytes.fromhex(self.split), np.uint8)
        np.savez_compressed(folder / ANSWERS_FILE, allow_pickle=False, **{SPLIT: split}, **self.errors)

    def pair(self, other: Answers, variant: str) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """Return a variant's errors in both builds, on the inputs that both have run; None when no input is shared."""
        import numpy as np

        mine, theirs = self.errors.get(variant), other.errors.get(variant)
        if self.split != other.split or mine is None or theirs is None or mine.shape != theirs.shape:
            return None
        both = ~(np.isnan(mine) | np.isnan(theirs))
        return (mine[both], theirs[both]) if both.any() else None


def split_digest(inputs: NDArray[np.generic], labels: NDArray[np.generic]) -> str:
    """Return the SHA-256 (hex) of a test split, shapes and types included."""
    import numpy as np

    digest = hashlib.sha256()
    for array in (inputs, labels):
        digest.update(f"{array.dtype} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def read_answers(folder: Path) -> Answers | None:
    """Return a build's answers; None of a report without its folder, or of a build that is older than they are.

    Raises RecipeError for a file that is no such thing.
    """
    import numpy as np

    path = folder / ANSWERS_FILE
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            errors = {name: arrays[name] for name in arrays.files}
        return Answers(errors.pop(SPLIT).tobytes().hex(), errors)
    except Exception as error:  # numpy's, zipfile's, zlib's: whatever a damaged file makes them raise
        raise RecipeError(f"{path} is damaged", fix="remove it, and build again") from error
