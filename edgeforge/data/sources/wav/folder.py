"""Which recordings a folder holds: of which class, by whom, and on which side they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from edgeforge.errors import RecipeError, some
from edgeforge.inputs.regular import named, read_text
from edgeforge.recipe.listed_images import files_below
from edgeforge.recipe.recorded_files import SOUNDS
from edgeforge.recipe.schema import Sound

UNKNOWN = "unknown"
SPEAKER = re.compile(r"(.+?)_nohash_\d+$")  # as Speech Commands names its files
PACKED = (".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac", ".wma", ".aiff", ".aif")
CONVERTED = "ffmpeg -i FILE -c:a pcm_s16le NEW.wav"
LISTS = {"validation_list.txt": "val", "testing_list.txt": "test"}  # of Speech Commands


@dataclass(frozen=True)
class Recorded:
    """A recording: its file, its class, who speaks (or the file itself), and its side where a list says it."""

    path: Path
    label: str
    group: str
    split: str = ""


def recordings_in(root: Path, sound: Sound) -> tuple[list[Recorded], list[Path]]:
    """Return the recordings of all classes, and those of noise. Raises RecipeError for another layout."""
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    classes = [folder for folder in folders if folder.name != sound.noise]
    missing = sorted(set(sound.unknown) - {folder.name for folder in classes})
    if missing:
        raise RecipeError(
            f"data.sound.unknown: {root} has no folder {some(missing)}",
            fix=f"name some of {some([one.name for one in classes])}",
        )
    listed = _lists(root)
    found: list[Recorded] = []
    for folder in classes:
        files = _wav(folder)
        if not files:
            others = f": {some(packed)}" if (packed := packed_beside(folder)) else ""
            remedy = f"save them as .wav: {CONVERTED}" if packed else "add recordings or remove the folder"
            raise RecipeError(f"data.root: no .wav file in {named(folder)}{others}", fix=remedy)
        label = UNKNOWN if folder.name in sound.unknown else " ".join(folder.name.split())
        if named(label) != label:
            raise RecipeError(f"data.root: {named(folder)}: its name is no UTF-8", fix="rename the folder")
        for path in files:
            place = path.relative_to(root).as_posix()
            speaker = SPEAKER.match(path.stem)
            found.append(Recorded(path, label, speaker[1] if speaker else place, listed.get(place, "")))
    if not found:
        raise RecipeError(
            f"data.root: {root} holds no folders of recordings", fix="put those of each class into a folder of its own"
        )
    if listed:
        found = [one if one.split else Recorded(one.path, one.label, one.group, "train") for one in found]
    return found, _wav(root / sound.noise) if (root / sound.noise).is_dir() else []


def packed_beside(root: Path) -> list[str]:
    """Return the names of recordings that are not read, since they are of another format than .wav."""
    return [path.relative_to(root).as_posix() for path in files_below(root) if path.suffix.lower() in PACKED]


def _wav(folder: Path) -> list[Path]:
    return [path for path in files_below(folder) if path.suffix.lower() in SOUNDS]


def _lists(root: Path) -> dict[str, str]:
    """Return the side of each file that a list beside the classes names."""
    found: dict[str, str] = {}
    for name, split in LISTS.items():
        if (root / name).is_file():
            found |= {line.strip(): split for line in read_text(root / name).splitlines() if line.strip()}
    return found
