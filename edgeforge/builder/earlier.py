"""Keeps what an earlier build made from being taken for what the recipe makes now.

Before a build runs its first stage, the published files that the recipe of today would make otherwise are moved to
`earlier/` in the build folder, with the record and the lock file that describe them. So a build that fails, is killed
or stops at `--until` leaves only its own results, and those of stages that nothing has changed. A build that comes to
its end removes `earlier/`. A build that never came to its end is not kept: its artifacts are in the store.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from edgeforge.builder.key import key_of
from edgeforge.builder.plan import Plan
from edgeforge.builder.record import LOCK_FILE, PUBLISHING, RECORD, inside, read_record, write_record
from edgeforge.files import sha256_of
from edgeforge.guards.disk import storage_errors
from edgeforge.guards.removal import move, remove_file, remove_if_empty, set_beside
from edgeforge.results.files import EARLIER


def set_aside(plan: Plan, folder: Path, notice: Callable[[str], None]) -> None:
    """Move the published files of stages that would make others now to `earlier/`.

    A file that somebody edited stays beside as NAME.edited.
    """
    record = read_record(folder)
    current = {stage for stage, parts in record["ingredients"].items() if plan.keys.get(stage) == key_of(parts)}
    outdated = {stage: files for stage, files in record["files"].items() if files and stage not in current}
    if not outdated:
        return
    names = {name: digest for files in outdated.values() for name, digest in files.items()}
    was_whole = record.get("whole", True)
    with storage_errors(folder):
        if was_whole:
            discard_earlier(folder)
        for name, digest in names.items():
            path = inside(folder, name)
            if was_whole and path.is_file() and sha256_of(path) == digest:
                target = inside(folder, f"{EARLIER}/{name}")
                if target.is_file():  # somebody else's: those of an earlier build are gone
                    keep_edited(target, folder, notice)
                move(path, target, folder)
            else:
                discard_published(folder, name, (digest, record.get(PUBLISHING, {}).get(name)), notice)
        remove_empty(folder, names)
        lock = folder / LOCK_FILE
        if was_whole:
            write_record(folder / EARLIER, {"files": outdated, "ingredients": {}})
            if lock.is_file():
                remove_file(folder / EARLIER / LOCK_FILE, folder)
                move(lock, folder / EARLIER / LOCK_FILE, folder)
        remove_file(lock, folder)
        kept = {stage: files for stage, files in record["files"].items() if stage not in outdated}
        write_record(folder, record | {"files": kept, "whole": False})


def discard_earlier(folder: Path) -> None:
    """Remove what `set_aside` has moved, and nothing that somebody else has put there."""
    place = folder / EARLIER
    inside(folder, f"{EARLIER}/{RECORD}")  # no link that leads elsewhere
    digests = {name: digest for files in read_record(place)["files"].values() for name, digest in files.items()}
    for name, digest in digests.items():
        path = inside(place, name)
        if path.is_file() and sha256_of(path) == digest:
            remove_file(path, folder)
    for name in [RECORD, *([LOCK_FILE] if digests else [])]:
        remove_file(place / name, folder)
    remove_empty(place, digests)
    remove_if_empty(place, folder)


def discard_published(folder: Path, name: str, digests: tuple[str | None, ...], notice: Callable[[str], None]) -> None:
    """Remove a published file; one that is not as a build has left it is kept beside."""
    path = inside(folder, name)
    if path.is_file() and sha256_of(path) not in digests:
        keep_edited(path, folder, notice)
    else:
        remove_file(path, folder)


def keep_edited(path: Path, folder: Path, notice: Callable[[str], None]) -> None:
    """Move a published file that somebody has edited out of the way."""
    kept = set_beside(path, folder)
    notice(f"{path} was changed since it was built: kept as {kept.name}")


def remove_empty(folder: Path, names: Collection[str]) -> None:
    """Remove the folders of published files that are empty now."""
    parents: set[Path] = {parent for name in names for parent in Path(name).parents if parent != Path()}
    for parent in sorted(parents, key=lambda path: -len(path.parts)):
        remove_if_empty(folder / parent, folder)
