"""Recordings of sound: every format is read to the same samples, nobody is on two sides, every mistake is one error."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import wavfile
from sounds import noise

from edgeforge.builder.stage import Job
from edgeforge.data.sources.wav.clips import changed, clips_of, scaled
from edgeforge.data.sources.wav.folder import Recorded, recordings_in
from edgeforge.data.sources.wav.read import read_wav
from edgeforge.data.sources.wav.sides import sides_of
from edgeforge.data.sources.wav.stream import Spoken
from edgeforge.data.splits import prepare, read_findings, read_preprocessing, read_split, read_stream
from edgeforge.errors import RecipeError
from edgeforge.features.compiled import Features
from edgeforge.recipe.schema import Data, Listen, Model, Recipe, Sound, SoundAugment
from edgeforge.recipe.sections.training import Train
from edgeforge.recipe.user_files import USER_DATA

RATE = 16_000
TONES = {"low": 400, "high": 2500}


def tone(hz: float, rate: int = RATE, seconds: float = 0.5) -> np.ndarray:
    """Return a tone of -0.5 to 0.5."""
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)


def speech(root: Path, speakers: int = 8, rate: int = RATE) -> Path:
    """Write a folder of two tones and noise, as Speech Commands is laid out."""
    for name, hz in TONES.items():
        (root / name).mkdir(parents=True)
        for speaker in range(speakers):
            for take in range(2):
                samples = tone(hz * (1 + speaker / 50), rate)
                path = root / name / f"p{speaker}_nohash_{take}.wav"
                wavfile.write(path, rate, (samples * 32_767).astype(np.int16))
    (root / "_background_noise_").mkdir()
    wavfile.write(root / "_background_noise_" / "white.wav", RATE, noise(500, 5 * RATE))
    return root


SMALL: dict[str, Any] = {"clip_ms": 500, "stride_ms": 30, "bands": 10, "silence": "quiet"}


def run(
    out: Path, root: Path, listen: Listen | None = None, corrupt: str = "skip", validation: float = 0.1, **sound: Any
) -> Path:
    """Run the data stage; return its folder."""
    asked = Sound(**(SMALL | sound))
    data = Data(source="wav", root=str(root), sound=asked, corrupt=corrupt, validation=validation)  # type: ignore[arg-type]
    train = Train() if validation else Train(keep="last")
    recipe = Recipe(name="x", data=data, model=Model(name="ds_cnn"), listen=listen, train=train)
    out.mkdir(exist_ok=True)
    prepare(Job("data", recipe, {}, out, out, lambda share, text: None, files={USER_DATA: root}))
    return out


@pytest.mark.parametrize("kind", ["uint8", "int16", "int32", "float32", "float64"])
def test_every_format_of_samples_is_the_same_sound(kind: str, tmp_path: Path) -> None:
    samples = tone(700)
    scale, offset = {"uint8": (127, 128), "int16": (32_767, 0), "int32": (2**31 - 1, 0)}.get(kind, (1, 0))
    wavfile.write(tmp_path / "x.wav", RATE, np.stack([samples * scale + offset] * 2, 1).astype(kind))
    found, rate = read_wav(tmp_path / "x.wav", RATE)
    assert rate == RATE and found.dtype == np.int16
    assert abs(found / 32_768 - samples).max() < (0.01 if kind == "uint8" else 1e-4)


def test_24_bits_are_read(tmp_path: Path) -> None:
    values = (tone(700) * (2**23 - 1)).astype(np.int32)
    body = b"".join(int(value).to_bytes(3, "little", signed=True) for value in values)
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(body), b"WAVE", b"fmt ", 16, 1, 1, RATE, 3 * RATE, 3, 24,
                       b"data", len(body))  # fmt: skip
    (tmp_path / "x.wav").write_bytes(head + body)
    assert abs(read_wav(tmp_path / "x.wav", RATE)[0] / 32_768 - tone(700)).max() < 1e-4


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 44_100, 48_000])
def test_any_rate_is_resampled(rate: int, tmp_path: Path) -> None:
    wavfile.write(tmp_path / "x.wav", rate, (tone(700, rate) * 32_767).astype(np.int16))
    found, _ = read_wav(tmp_path / "x.wav", RATE)
    middle = slice(1000, 7000)
    assert len(found) == 8000 and abs(found[middle] / 32_768 - tone(700)[middle]).max() < 0.01


def wrong(tmp_path: Path) -> dict[str, bytes]:
    """Return files that are no recordings, by what is said of them."""
    wavfile.write(tmp_path / "good.wav", RATE, noise(500, 4000))
    good = (tmp_path / "good.wav").read_bytes()
    wavfile.write(tmp_path / "nan.wav", RATE, np.full(4000, np.nan, np.float32))
    wavfile.write(tmp_path / "slow.wav", 10, noise(500, 4000))
    wavfile.write(tmp_path / "loud.wav", RATE, (32_767 * tone(700)).astype(np.float32))
    return {
        "it is empty": b"",
        "it is an MP3 file": b"\xff\xfb\x90\x64" * 400,
        "it is a FLAC file": b"fLaC" + bytes(400),
        r"packed \(A-law\)": good[:20] + (6).to_bytes(2, "little") + good[22:],
        "0 samples a second": good[:24] + bytes(8) + good[32:],
        "cut short: its header promises 8,000 bytes of samples, and has 956": good[:1000],
        "promises 1,000,000 bytes": good[:40] + (10**6).to_bytes(4, "little") + good[44:],
        "promises 100 bytes of samples, and 8,000 are there": good[:40] + (100).to_bytes(4, "little") + good[44:],
        "says that it has 18 bytes, and it has 8,044": good[:4] + (10).to_bytes(4, "little") + good[8:],
        "floats of up to 16,": (tmp_path / "loud.wav").read_bytes(),
        "no .wav file": b"RIFF\0\0",
        "it is an MP3 file, whatever its name says": b"ID3" + bytes(2000),
        "has no samples": good[:40] + bytes(4),
        "promises 0 bytes of samples, and 8,000 are": good[:40] + bytes(4) + good[44:],
        "one is wrong": good[:24] + (8000).to_bytes(4, "little") + good[28:],
        "10 samples a second": (tmp_path / "slow.wav").read_bytes(),
        "no numbers": (tmp_path / "nan.wav").read_bytes(),
    }


def test_what_is_no_recording_is_named(tmp_path: Path) -> None:
    for reason, content in wrong(tmp_path).items():
        (tmp_path / "x.wav").write_bytes(content)
        with pytest.raises(RecipeError, match=reason) as caught:
            read_wav(tmp_path / "x.wav", RATE)
        assert caught.value.fix


def test_a_size_that_a_recorder_left_open_is_read(tmp_path: Path) -> None:
    wavfile.write(tmp_path / "x.wav", RATE, noise(500, 4000))
    content = (tmp_path / "x.wav").read_bytes()
    (tmp_path / "x.wav").write_bytes(content[:4] + b"\xff" * 4 + content[8:40] + b"\xff" * 4 + content[44:])
    assert len(read_wav(tmp_path / "x.wav", RATE)[0]) == 4000
    (tmp_path / "x.wav").write_bytes(content + b"LIST\4\0\0\0note")
    assert len(read_wav(tmp_path / "x.wav", RATE)[0]) == 4000


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 60), value=st.integers(0, 255), cut=st.integers(0, 400))
def test_a_damaged_header_is_read_or_refused(place: int, value: int, cut: int, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.wav"
    wavfile.write(path, RATE, noise(500, 200))
    content = bytearray(path.read_bytes())
    content[place] = value
    path.write_bytes(content[: max(len(content) - cut, 1)])
    try:
        found, _ = read_wav(path, RATE)
    except RecipeError:
        return
    assert found.dtype == np.int16 and found.ndim == 1


def test_a_folder_becomes_pictures_of_its_features(tmp_path: Path) -> None:
    folder = run(tmp_path / "out", speech(tmp_path / "speech", rate=22_050), augment={"copies": 2}, unknown=("low",))
    preprocessing = read_preprocessing(folder)
    assert preprocessing.classes == ("high", "quiet", "unknown") and preprocessing.sound is not None
    assert preprocessing.shape == (1, 16, 10) and not preprocessing.is_image
    again = type(preprocessing).from_json(preprocessing.to_json())
    assert again == preprocessing
    train, test = read_split(folder, "train"), read_split(folder, "test")
    assert train[0].dtype == np.uint8 and set(test[1]) == {0, 1, 2}
    clips = {label: int((train[1] == label).sum()) for label in range(3)}
    assert clips[0] == clips[2] and clips[0] % 3 == 0, "each clip is there, and two changed copies"
    assert clips[1] == clips[0] // 3 and not read_findings(folder)
    same = run(tmp_path / "same", tmp_path / "speech", augment={"copies": 2}, unknown=("low",))
    assert (same / "data.npz").read_bytes() == (folder / "data.npz").read_bytes()


def test_the_features_are_those_of_the_c_code(tmp_path: Path) -> None:
    folder, asked = run(tmp_path / "out", speech(tmp_path / "speech"), silence=None), Sound(**SMALL)
    row = Features(asked.settings).of_clip((tone(400) * 32_767).astype(np.int16))
    everything = np.concatenate([read_split(folder, name)[0] for name in ("train", "val", "test")])
    assert (everything == row).all((1, 2, 3)).any()


def test_nobody_is_heard_on_two_sides_and_lists_are_followed(tmp_path: Path) -> None:
    root = speech(tmp_path / "speech")
    data = Data(source="wav", root=str(root))
    recorded, background = recordings_in(root, data.sound)
    assert len(background) == 1
    sides = sides_of(recorded, data, 42, "here")
    heard: dict[str, set[str]] = {}
    for one, side in zip(recorded, sides, strict=True):
        heard.setdefault(one.group, set()).add(side)
    assert all(len(where) == 1 for where in heard.values()) and {"train", "val", "test"} == set(sides)
    (root / "testing_list.txt").write_text("low/p3_nohash_0.wav\nhigh/p3_nohash_1.wav\n")
    (root / "validation_list.txt").write_text("low/p4_nohash_0.wav\n")
    recorded, _ = recordings_in(root, data.sound)
    assert [sides_of(recorded, data, 42, "").count(name) for name in ("train", "val", "test")] == [29, 1, 2]


def files(root: Path, each: dict[str, int], seconds: float = 0.5) -> Path:
    """Write so many files of each tone, each a recording of its own."""
    for name, count in each.items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            samples = tone(TONES[name] * (1 + number / 50), seconds=seconds)
            wavfile.write(root / name / f"{number}.wav", RATE, (samples * 32_767).astype(np.int16))
    return root


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(2, 12), min_size=2, max_size=4), st.integers(0, 9))
def test_few_recordings_of_each_class_are_on_every_side(counts: list[int], seed: int) -> None:
    counts[0] = max(counts[0], 3)
    recorded = [Recorded(Path(), str(label), f"{label}/{one}") for label, count in enumerate(counts)
                for one in range(count)]  # fmt: skip
    sides = sides_of(recorded, Data(source="wav", root="d"), seed, "d")
    for label, count in enumerate(counts):
        own = {side for one, side in zip(recorded, sides, strict=True) if one.label == str(label)}
        assert {"train"} < own and ("test" in own or count == 2), (counts, label, own)
    assert sides.count("test") <= len(sides) / 2


def test_too_few_recordings_say_how_many_are_needed(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no class has more than 2 of speakers or recordings; 3 are needed") as caught:
        run(tmp_path / "a", files(tmp_path / "two", {"low": 2, "high": 2}), silence=None)
    assert "data.validation: 0" in caught.value.fix
    run(tmp_path / "b", tmp_path / "two", silence=None, validation=0.0)
    with pytest.raises(RecipeError, match="no recording for the test split of low"):
        run(tmp_path / "c", files(tmp_path / "one", {"low": 1, "high": 9}), silence=None)
    folder = run(tmp_path / "d", files(tmp_path / "rare", {"low": 2, "high": 9}), silence=None)
    assert [found.what for found in read_findings(folder)] == ["data: no recording for the val split of low"]


def test_a_class_that_cannot_be_heard_is_named(tmp_path: Path) -> None:
    root = files(tmp_path / "d", {"low": 4, "high": 4})
    for number in range(4):
        wavfile.write(root / "low" / f"{number}.wav", RATE, noise(500, 100))
    with pytest.raises(
        RecipeError, match=r"no recording of 'low' can be used: .*0.wav: it is shorter than a window"
    ) as caught:
        run(tmp_path / "a", root, silence=None)
    assert caught.value.fix == "record it longer, or remove it; or remove the class"
    for number in range(4):
        wavfile.write(root / "low" / f"{number}.wav", RATE, np.zeros(8000, np.int16))
    (root / "low" / "more.mp3").touch()
    found = [finding.what for finding in read_findings(run(tmp_path / "b", root, silence=None))]
    assert any("4 of 8 recordings are silent" in what for what in found)
    assert any("other formats than .wav are not read: low/more.mp3" in what for what in found)
    for path in (root / "high").iterdir():
        wavfile.write(path, RATE, np.zeros(8000, np.int16))
    with pytest.raises(RecipeError, match="all recordings are silent"):
        run(tmp_path / "c", root, silence=None)


@pytest.mark.parametrize(("seconds", "clips"), [(0.3, 1), (1.0, 1), (2.5, 2)])
def test_clips_have_one_length(seconds: float, clips: int) -> None:
    found = clips_of(noise(500, int(seconds * RATE)), RATE)
    assert len(found) == clips and {len(clip) for clip in found} == {RATE}
    assert np.square(found[0].astype(float)).sum() > 0


def test_noise_is_added_at_the_ratio_that_is_asked_for() -> None:
    clip, background = noise(1000).astype(float), noise(50, seed=3)
    added = scaled(background, clip, 10.0)
    assert 10 * np.log10(np.square(clip).mean() / np.square(added).mean()) == pytest.approx(10.0)
    random = np.random.default_rng(0)
    moved = changed(noise(1000), SoundAugment(noise=0), 400, [], random)
    assert 0 < (moved == 0).sum() <= 450, "shifted, with silence where nothing was recorded"


def test_what_cannot_be_used_is_left_out_with_a_finding_or_refused(tmp_path: Path) -> None:
    root = speech(tmp_path / "speech")
    wavfile.write(root / "low" / "short.wav", RATE, noise(500, 100))
    (root / "low" / "empty.wav").write_bytes(b"")
    wavfile.write(root / "low" / "slow.wav", 8000, noise(500, 8000))
    found = [finding.what for finding in read_findings(run(tmp_path / "out", root))]
    assert any("2 of 35 recordings cannot be used" in what and "empty.wav: it is empty" in what for what in found)
    assert any("1 of 8,000 Hz, 32 of 16,000 Hz" in what for what in found)
    with pytest.raises(RecipeError, match=r"empty.wav: it is empty"):
        run(tmp_path / "out2", root, corrupt="refuse")


def test_layouts_that_cannot_be_learned_from_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no folder cat"):
        run(tmp_path / "a", speech(tmp_path / "speech"), unknown=("cat",))
    with pytest.raises(RecipeError, match="no class has more than 1 of"):
        run(tmp_path / "b", speech(tmp_path / "few", speakers=1))
    (tmp_path / "speech" / "_background_noise_" / "white.wav").unlink()
    with pytest.raises(RecipeError, match="no noise to make it of"):
        run(tmp_path / "c", tmp_path / "speech")
    (tmp_path / "speech" / "none").mkdir()
    with pytest.raises(RecipeError, match=r"no \.wav file"):
        run(tmp_path / "d", tmp_path / "speech")


def test_a_continuous_recording_says_where_its_words_are(tmp_path: Path) -> None:
    folder = run(tmp_path / "out", speech(tmp_path / "speech"), Listen(minutes=1), unknown=("low",))
    stream = read_stream(folder, "test")
    assert stream is not None and stream.rows.shape == (2000, 10)
    assert len(stream.events) > 3 and set(stream.events[:, 0]) == {0}, "only `high` is a word"
    loud = stream.rows.astype(int).max(1)
    first, last = stream.events[0, 1:]
    assert loud[first + 1 : last - 1].min() > np.median(loud)


def test_what_is_trained_on_does_not_change_what_is_judged(tmp_path: Path) -> None:
    root = speech(tmp_path / "speech")
    asked: dict[str, Any] = {"listen": Listen(minutes=1), "unknown": ("low",), "clip_ms": 700}
    without = run(tmp_path / "a", root, **asked)
    also = run(tmp_path / "b", root, **asked, augment={"recording_minutes": 2, "copies": 1})
    for name in ("val", "test"):
        one, other = read_stream(without, name), read_stream(also, name)
        assert one and other and (one.rows == other.rows).all() and (one.events == other.events).all()
    assert (read_split(without, "test")[0] == read_split(also, "test")[0]).all()
    classes = read_preprocessing(also).classes
    assert classes == ("high", "quiet", "unknown")
    before, after = (np.bincount(read_split(folder, "train")[1], minlength=3) for folder in (without, also))
    added = after - before * [2, 1, 2]  # pauses are not copied
    assert 0 < added[0] == added[1] == added[2], "no more pauses and halves than words"
    assert len(read_split(also, "val")[1]) > len(read_split(without, "val")[1])
    assert [finding.severity for finding in read_findings(also)] == ["note"], "clips that are shorter"
    none = run(tmp_path / "c", root, **(asked | {"clip_ms": 500}), augment={"recording_minutes": 2})
    assert any("no clip of 500 ms holds a whole word (train)" in finding.what for finding in read_findings(none))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), hop=st.integers(1, 7), named=st.booleans())
def test_a_window_is_the_whole_word_that_is_in_it(seed: int, hop: int, named: bool) -> None:
    random, frames = np.random.default_rng(seed), 20
    said, place = [], 3
    while place < 300:
        said.append((int(random.integers(2)), place, place + int(random.integers(5, 15))))
        place = said[-1][2] + 1 + int(random.integers(5, 40))
    rows = np.stack([np.arange(320) // 256, np.arange(320) % 256], 1).astype(np.uint8)
    unknown, silence = (2, 3) if named else (None, None)
    windows, labels = Spoken(rows, np.array(said)).windows(frames, hop, unknown, silence)
    assert windows.shape[1:] == (1, frames, 2)
    starts = windows[:, 0, 0].astype(int) @ [256, 1]
    found = dict(zip(starts.tolist(), labels.tolist(), strict=True))
    for end in range(frames, 321, hop):
        inside = [len(range(max(a, end - frames), min(b, end - 1) + 1)) / (b - a + 1) for _, a, b in said]
        whole = [word for (word, _, _), share in zip(said, inside, strict=True) if share >= 0.9]
        label = found.get(end - frames)
        if whole:
            assert label == whole[-1]
        elif max(inside) > 0.5:
            assert label is None, "neither the word nor none"
        else:
            assert label == (unknown if max(inside) > 0 else silence)


@pytest.mark.parametrize(
    ("sound", "reason"),
    [
        ({"bands": 128, "window_ms": 20}, "more than a window"),
        ({"features": "mfcc", "coefficients": 41}, "41 of 40 bands"),
        ({"upper_hz": 9000}, "up to 8000"),
        ({"clip_ms": 100, "window_ms": 120}, "shorter than window_ms"),
        ({"augment": {"snr_db": [20, 0]}}, "no range"),
    ],
)
def test_what_a_recipe_may_not_ask_for(sound: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Sound(**sound)


def test_silence_and_masks_need_sound() -> None:
    data = Data(source="digits")
    with pytest.raises(ValueError, match="listen: belongs to source wav"):
        Recipe(name="x", data=data, model=Model(name="ds_cnn"), listen=Listen())
    with pytest.raises(ValueError, match="mask_bands belong to source wav"):
        Recipe(name="x", data=data, model=Model(name="ds_cnn"), train={"augment": {"mask_bands": 2}})  # type: ignore[arg-type]
