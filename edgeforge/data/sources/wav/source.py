"""From a folder of recordings to a Source: reading, cutting, sides, what is added to training, and features."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from edgeforge.builder.stage import Job
from edgeforge.data.source import Clips, Source, Stream
from edgeforge.data.sources.wav.clips import changed, clips_of, side_of, silent_clip
from edgeforge.data.sources.wav.folder import CONVERTED, UNKNOWN, Recorded, packed_beside, recordings_in
from edgeforge.data.sources.wav.read import read_wav
from edgeforge.data.sources.wav.sides import sides_of
from edgeforge.data.sources.wav.stream import spoken
from edgeforge.data.task import class_names
from edgeforge.errors import RecipeError, some
from edgeforge.features.compiled import Features
from edgeforge.inputs.regular import named
from edgeforge.recipe.schema import Sound
from edgeforge.recipe.user_files import USER_DATA
from edgeforge.results.pace import EVERY_MS
from edgeforge.results.rows.calibration import Finding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    BySplit = dict[str, list[tuple[NDArray[np.int16], str]]]

SPLITS = ("train", "val", "test")
KEPT, MOST_KEPT, FEWEST_KEPT = 16, 2**20, 3  # test clips that are kept as recorded, so many samples in all or three


def load_wav(job: Job) -> Source:
    """Return features (N,1,frames,values uint8) of the recordings in data.root, nobody heard on two sides.

    Raises RecipeError naming the file that is wrong.
    """
    import numpy as np

    data, root = job.recipe.data, job.files[USER_DATA]
    sound, where = data.sound, f"data.root: {named(root)}"
    features = Features(sound.settings)
    recorded, noises = recordings_in(root, sound)
    findings: list[Finding] = []
    if packed := packed_beside(root):
        what = f"data: recordings of other formats than .wav are not read: {some(packed)}"
        findings.append(Finding(severity="warning", what=what, remedy=f"save them as .wav: {CONVERTED}"))
    recordings, refused = _read(job, recorded, where, findings)
    noise = [read_named(path, sound)[0] for path in noises]
    labels = [one.label for one, _ in recordings] + ([sound.silence] if sound.silence else [])
    if sound.silence and not noise:
        raise RecipeError(
            f"data.sound.silence: there is no noise to make it of in {root / sound.noise}",
            fix="put recordings of noise there, or leave silence out",
        )
    classes = class_names(labels, where, data.classes, "recording")
    sides = sides_of([one for one, _ in recordings], data, job.recipe.seed, where)
    clips: BySplit = {name: [] for name in SPLITS}
    for (one, samples), side in zip(recordings, sides, strict=True):
        clips[side] += [(clip, one.label) for clip in clips_of(samples, sound.clip_samples)]
    _require_all(clips, {one.label for one, _ in recordings}, refused, where, findings)
    heard = {name: side_of(noise, name, sound.clip_samples) for name in SPLITS}
    random = np.random.default_rng(job.recipe.seed)
    words = frozenset(place for place, name in enumerate(classes) if name not in (UNKNOWN, sound.silence))
    said = {name: [(clip, classes.index(label)) for clip, label in clips[name]] for name in SPLITS}
    if sound.silence:
        _add_silence(clips, heard, sound, where, random)
    _augment(clips["train"], heard["train"], sound, random)
    streams: dict[str, Stream] = {}
    for name, given in (("val", "val" if clips["val"] else "train"), ("test", "test")):
        if job.recipe.listen and words:
            own = np.random.default_rng((job.recipe.seed, SPLITS.index(name)))  # the same whatever is trained on
            seconds = 60 * job.recipe.listen.minutes
            streams[name] = spoken(said[given], heard[given], features, seconds, own).stream(words)
    parts = {name: _features(features, clips[name], classes) for name in SPLITS}
    for name in ("train", "val"):
        parts[name] = _with_windows(parts[name], job, said, name, heard[name], features, classes, findings)
    validated = bool(clips["val"])
    return Source(
        *parts["train"],
        *parts["test"],
        classes,
        255.0,
        validation_images=parts["val"][0] if validated else None,
        validation_labels=parts["val"][1] if validated else None,
        findings=tuple(findings),
        sound=sound.settings,
        streams=streams,
        clips=_kept([clip for clip, _ in clips["test"]]),
    )


def _kept(clips: list[NDArray[np.int16]]) -> Clips:
    import numpy as np

    count = min(KEPT, max(FEWEST_KEPT, MOST_KEPT // len(clips[0])))
    places = np.unique(np.linspace(0, len(clips) - 1, count).astype(np.int64))
    return Clips(places, np.stack([clips[place] for place in places]))


def read_named(path: Any, sound: Sound) -> tuple[NDArray[np.int16], int]:
    """Return a file's samples and its own rate. Raises RecipeError that names the file."""
    try:
        return read_wav(path, sound.rate_hz)
    except RecipeError as error:
        reason = error.reason if named(path) in error.reason else f"{named(path)}: {error.reason}"
        raise RecipeError(reason, fix=error.fix) from error


def _read(
    job: Job, recorded: list[Recorded], where: str, findings: list[Finding]
) -> tuple[list[tuple[Recorded, NDArray[np.int16]]], dict[str, list[RecipeError]]]:
    """Return the recordings that can be used, and what is wrong with the others, by class.

    These are left out or refused, as data.corrupt says. Raises RecipeError for a class of which none can be used.
    """
    sound = job.recipe.data.sound
    found, short, long, silent = [], 0, 0, []
    refused: dict[str, list[RecipeError]] = {}
    rates: Counter[int] = Counter()
    for place, one in enumerate(recorded):
        if place % 100 == 0:
            job.progress(place / len(recorded), f"{place} of {len(recorded)} recordings")
        try:
            samples, rate = read_named(one.path, sound)
            if len(samples) < sound.settings.window:
                what = f"{named(one.path)}: it is shorter than a window of {sound.window_ms} ms"
                raise RecipeError(what, fix="record it longer, or remove it")
        except RecipeError as error:
            if job.recipe.data.corrupt == "refuse":
                remedy = f"{error.fix}; or leave such out with data.corrupt: skip"
                raise RecipeError(error.reason, fix=remedy) from error
            refused.setdefault(one.label, []).append(error)
            continue
        rates[rate] += 1
        if (samples == samples[0]).all():
            silent.append(named(one.path))
        short += len(samples) < sound.clip_samples
        long += len(samples) >= 2 * sound.clip_samples
        found.append((one, samples))
    if lost := sorted(set(refused) - {one.label for one, _ in found}):
        raise RecipeError(f"{where}: {'; '.join(_unusable('no', name, refused) for name in lost)}",
                          fix=f"{refused[lost[0]][0].fix}; or remove the class")  # fmt: skip
    if refused:
        reasons = [error.reason for errors in refused.values() for error in errors]
        what = f"data: {len(reasons)} of {len(recorded)} recordings cannot be used and are left out: {some(reasons)}"
        findings.append(Finding(severity="warning", what=what, remedy="mend or remove them"))
    if silent:
        if len(silent) == len(found):
            raise RecipeError(f"{where}: all recordings are silent: every sample of each is the same",
                              fix="look at how they were recorded or saved")  # fmt: skip
        what = f"data: {len(silent)} of {len(found)} recordings are silent, every sample the same: {some(silent)}"
        remedy = "listen to them; a class of silence is better made of noise: data.sound.silence"
        findings.append(Finding(severity="warning", what=what, remedy=remedy))
    if len(rates) > 1:
        listed = ", ".join(f"{count} of {rate:,} Hz" for rate, count in sorted(rates.items()))
        what = f"data: recordings of several rates, resampled to {sound.rate_hz:,} Hz: {listed}"
        findings.append(Finding(severity="note", what=what, remedy="listen to one of each: a header may be wrong"))
    if short or long:
        what = f"data: of {len(found)} recordings {short} are shorter than a clip of {sound.clip_ms} ms and stand in "
        what += f"silence, {long} are cut into several"
        findings.append(Finding(severity="note", what=what, remedy="data.sound.clip_ms is the length of a clip"))
    return found, refused


def _unusable(none: str, label: str, refused: dict[str, list[RecipeError]]) -> str:
    """Return which recordings of a class cannot be used, and why."""
    reasons = [error.reason for error in refused[label]]
    return f"{none} recording of '{label}' can be used: {some(reasons)}"


def _require_all(
    clips: BySplit, classes: set[str], refused: dict[str, list[RecipeError]], where: str, findings: list[Finding]
) -> None:
    """Raise RecipeError for a class that training or testing has not; say of one that validation has not."""
    for name in SPLITS:
        missing = sorted(classes - {label for _, label in clips[name]}) if clips[name] or name != "val" else []
        if not missing:
            continue
        lost = "".join(f"; {_unusable('no other', label, refused)}" for label in missing if label in refused)
        what = f"no recording for the {name} split of {some(missing)}{lost}"
        if name == "val":
            findings.append(Finding(severity="warning", what=f"data: {what}", remedy="record each class three times"))
            continue
        remedy = "record those by more people, or at more times: nobody is heard on two sides"
        mended = next((f"{refused[label][0].fix}; or " for label in missing if label in refused), "")
        raise RecipeError(f"{where}: {what}", fix=f"{mended}{remedy}")


def _add_silence(clips: BySplit, heard: dict[str, Any], sound: Sound, where: str, random: np.random.Generator) -> None:
    """Add clips of noise, in each split as many as a class has on average."""
    for name in SPLITS:
        if not clips[name]:
            continue
        if not heard[name]:
            raise RecipeError(
                f"{where}: the noise is too short for a clip of {sound.clip_ms} ms in every split",
                fix=f"record noise of {10 * sound.clip_ms // 1000} seconds or more: 15 % of it are for testing",
            )
        count = max(1, len(clips[name]) // len({label for _, label in clips[name]}))
        silent = [silent_clip(heard[name], sound.clip_samples, random) for _ in range(count)]
        clips[name] += [(clip, str(sound.silence)) for clip in silent]


def _augment(clips: list[tuple[Any, str]], noise: list[Any], sound: Sound, random: np.random.Generator) -> None:
    """Add changed copies of each training clip."""
    shift = min(sound.rate_hz * sound.augment.shift_ms // 1000, sound.clip_samples - 1)
    for clip, label in list(clips):
        if label != sound.silence:
            clips += [(changed(clip, sound.augment, shift, noise, random), label) for _ in range(sound.augment.copies)]


def _with_windows(
    part: tuple[Any, Any], job: Job, said: dict[str, Any], name: str, noise: list[Any], features: Features,
    classes: tuple[str, ...], findings: list[Finding],
) -> tuple[Any, Any]:  # fmt: skip
    """Return inputs and labels of a split with windows of a continuous recording of its clips.

    Of half words and of pauses there are as many as of whole ones at most: most of a recording is no word.
    """
    import numpy as np

    sound, own = job.recipe.data.sound, np.random.default_rng((job.recipe.seed, len(SPLITS) + SPLITS.index(name)))
    seconds = 60 * sound.augment.recording_minutes * len(said[name]) // len(said["train"])
    if not seconds:
        return part
    unknown, silence = (classes.index(one) if one in classes else None for one in (UNKNOWN, sound.silence))
    recording = spoken(said[name], noise, features, seconds, own, sound.augment.snr_db)
    every_ms = job.recipe.listen.every_ms if job.recipe.listen else EVERY_MS
    hop = max(1, round(every_ms / sound.stride_ms))
    windows, labels = recording.windows(part[0].shape[2], hop, unknown, silence)
    words = np.flatnonzero(~np.isin(labels, [place for place in (unknown, silence) if place is not None]))
    if not len(words):
        what = f"data.sound.augment.recording_minutes: no clip of {sound.clip_ms} ms holds a whole word ({name})"
        remedy = "data.sound.clip_ms is to be longer than words are"
        findings.append(Finding(severity="warning", what=what, remedy=remedy))
        return part
    kept = [words]
    for place in (unknown, silence):
        others = np.flatnonzero(labels == place)
        kept.append(own.choice(others, min(len(others), len(words)), replace=False))
    places = np.sort(np.concatenate(kept))
    return np.concatenate([part[0], windows[places]]), np.concatenate([part[1], labels[places]])


def _features(features: Features, clips: list[tuple[Any, str]], classes: tuple[str, ...]) -> tuple[Any, Any]:
    import numpy as np

    rows = [features.of_clip(clip)[None] for clip, _ in clips]
    labels = np.array([classes.index(label) for _, label in clips], np.int64)
    return (np.stack(rows) if rows else np.zeros((0, 1, 1, 1), np.uint8)), labels
