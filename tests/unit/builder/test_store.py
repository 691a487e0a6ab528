import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeforge.builder.store import META, Artifact, CorruptedArtifact, Store
from edgeforge.errors import EdgeForgeError

KEY = "ab" * 32


def stored(root: Path, content: bytes = b"weights" * 100) -> tuple[Store, Artifact]:
    store = Store(root)
    with store.new_folder("train", KEY) as folder:
        output = folder / "output"
        (output / "sub").mkdir(parents=True)
        (output / "model.ckpt").write_bytes(content)
        (output / "sub" / "log.csv").write_text("a,b\n")
        artifact = store.put("train", KEY, output, seconds=1.5, peak_memory_bytes=10, ingredients={"a": 1})
    return store, artifact


def test_what_is_put_is_what_is_got(tmp_path: Path) -> None:
    store, artifact = stored(tmp_path)
    assert store.get("train", KEY) == artifact
    assert store.get("train", "cd" * 32) is None
    assert sorted(artifact.files) == ["model.ckpt", "sub/log.csv"]
    assert not list((tmp_path / "new").iterdir())


@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_any_flipped_bit_is_found(tmp_path_factory: pytest.TempPathFactory, place: int, bit: int) -> None:
    store, artifact = stored(tmp_path_factory.mktemp("store"))
    for name in ("model.ckpt", META):
        path = artifact.folder / name
        good = path.read_bytes()
        data = bytearray(good)
        data[place % len(data)] ^= 1 << bit
        path.write_bytes(data)
        with pytest.raises(CorruptedArtifact, match=name):
            store.get("train", KEY)
        path.write_bytes(good)
    assert store.get("train", KEY) == artifact


def test_a_missing_file_is_found(tmp_path: Path) -> None:
    store, artifact = stored(tmp_path)
    (artifact.folder / "model.ckpt").unlink()
    with pytest.raises(CorruptedArtifact, match=r"model.ckpt is missing"):
        store.get("train", KEY)


def test_put_replaces_a_corrupted_artifact(tmp_path: Path) -> None:
    _, artifact = stored(tmp_path)
    (artifact.folder / "model.ckpt").write_bytes(b"")
    store, again = stored(tmp_path)
    assert store.get("train", KEY) == again


def test_a_lock_is_held_by_one_and_waiting_can_be_given_up(tmp_path: Path) -> None:
    store, turns = Store(tmp_path), []

    def waiting(turn: int) -> None:
        turns.append(turn)
        if turn == 1:
            raise TimeoutError

    with store.lock("a", waiting), pytest.raises(TimeoutError), store.lock("a", waiting):
        raise AssertionError("two hold it")
    with store.lock("a", waiting):
        pass
    assert turns == [0, 1]


def test_what_a_killed_writer_left_is_cleared(tmp_path: Path) -> None:
    left = tmp_path / "new" / f"train-{KEY[:16]}.999999"
    left.mkdir(parents=True)
    store, _ = stored(tmp_path)
    assert not left.exists() and store.get("train", KEY)


def test_a_store_that_is_no_folder_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")
    with pytest.raises(EdgeForgeError, match="cannot be used"):
        stored(tmp_path / "store")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_keeps_nothing_half_written(tmp_path: Path) -> None:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(tmp_path)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"this machine does not mount tmpfs: {mounted.stderr.decode().strip()}")
    try:
        store, artifact = stored(tmp_path)
        other = "cd" * 32
        with pytest.raises(OSError), store.new_folder("torch", other) as folder:
            (folder / "big.pt").write_bytes(bytes(1024 * 1024))
        assert store.get("torch", other) is None
        assert store.get("train", KEY) == artifact
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_what_killed_writers_left_goes_and_what_is_written_stays(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with store.lock("train-" + KEY[:16], lambda turn: None), store.new_folder("train", KEY) as folder:
        left = folder.with_name(f"torch-{KEY[:16]}.1")
        left.mkdir()
        store.sweep()
        assert folder.is_dir() and not left.exists()
