"""Artifacts of a search in a folder or behind an fsspec address, so that any machine can build its best networks.

They lie as in a store: a folder an artifact. What comes back is proven by the SHA-256 that its meta.json holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgeforge.builder.plan import Step
from edgeforge.builder.store import META, Artifact, CorruptedArtifact, Store
from edgeforge.errors import EdgeForgeError, MissingDependency
from edgeforge.extras import missing_in
from edgeforge.files import flush
from edgeforge.foreign.wording import cause
from edgeforge.guards.removal import move
from edgeforge.inputs.sizes import KIND
from edgeforge.pipeline import plan_build
from edgeforge.recipe.load import LoadedRecipe


class Artifacts:
    """Copies of a store's artifacts at an address; None: nowhere."""

    def __init__(self, address: str | None, store: Store) -> None:
        self.address, self.store = address, store

    def check(self) -> None:
        """Raise EdgeForgeError for an address that cannot be used, before hours are spent on what goes there."""
        if self.address is not None:
            with self._errors():
                self._open()

    def put(self, made: Mapping[str, Artifact]) -> None:
        """Copy what a trial has made; what is there already is left alone."""
        if self.address is None:
            return
        with self._errors():
            files, root = self._open()
            for artifact in made.values():
                folder = f"{root}/{artifact.folder.name}"
                if _is_whole(files, folder):
                    continue
                for name in (*artifact.files, META):  # meta.json last: an artifact without it is not whole
                    files.makedirs(f"{folder}/{name}".rpartition("/")[0], exist_ok=True)
                    files.put_file(str(artifact.folder / name), f"{folder}/{name}")

    def get(self, loaded: LoadedRecipe, out: Path) -> list[str]:
        """Fetch what a recipe's build needs, is not in the store and lies there; return its stages."""
        if self.address is None:
            return []
        missing = [step for step in plan_build(loaded, out).steps if not step.artifact]
        with self._errors():
            files, root = self._open()
            return [step.stage.name for step in missing if self._fetch(step, files, root)]

    def _fetch(self, step: Step, files: Any, root: str) -> bool:
        name, key = step.stage.name, step.key
        folder = f"{root}/{self.store.folder(name, key).name}"
        if not _is_whole(files, folder):
            return False
        with self.store.lock(f"{name}-{key[:16]}", lambda turn: None), self.store.new_folder(name, key) as place:
            here = place / "output"
            for path in _inside(files, folder):
                target = here / path
                target.parent.mkdir(parents=True, exist_ok=True)
                files.get_file(f"{folder}/{path}", str(target))
                flush(target)
            self.store.discard(name, key)
            move(here, self.store.folder(name, key), self.store.root)
            try:
                return self.store.get(name, key) is not None
            except CorruptedArtifact:
                self.store.discard(name, key)
                return False

    def _open(self) -> tuple[Any, str]:
        import fsspec

        files, root = fsspec.core.url_to_fs(self.address)
        files.makedirs(root, exist_ok=True)
        return files, root.rstrip("/")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn what an address raises into one line."""
        try:
            yield
        except ImportError as error:
            if absent := missing_in(error):
                raise absent from error
            kind = str(self.address).partition("://")[0]
            raise MissingDependency(
                f"--artifacts {self.address}: fsspec's package for {kind}:// is not installed",
                fix=f"pip install 'fsspec[{kind}]', or name a folder",
            ) from error
        except (ValueError, OSError) as error:
            known = isinstance(error, OSError)
            reason = f"--artifacts {self.address}: {cause(error) if known else 'fsspec knows no such address'}"
            raise EdgeForgeError(
                reason, fix="name a folder that can be written, or an address of fsspec's, such as s3://bucket/name"
            ) from error


def _is_whole(files: Any, folder: str) -> bool:
    """Say whether an artifact lies there, its meta.json written to the end."""
    place = f"{folder}/{META}"
    if not files.exists(place) or files.info(place)["type"] != "file" or files.size(place) > KIND["text"]:
        return False
    try:
        return isinstance(json.loads(files.cat_file(place)), dict)
    except (ValueError, RecursionError):
        return False


def _inside(files: Any, folder: str) -> Iterable[str]:
    """Return the names of an artifact's files, from its folder; none that leads out of it, and nothing but files."""
    for path, facts in files.find(folder, detail=True).items():
        name = str(path)[len(folder) :].lstrip("/") if str(path).startswith(folder) else str(path).rpartition("/")[2]
        if ".." not in name.split("/") and facts["type"] == "file":
            yield name
