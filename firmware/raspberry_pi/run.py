"""Classify images, a folder, standard input or the camera: a label and a score for each; or windows, or sound.

python run.py samples/              python run.py --json photo.png
cat photo.png | python run.py -     python run.py --camera --count 10
python run.py recording.csv         read-sensor | python run.py -      (a line a sample, of a model of windows)
python run.py recording.wav         python run.py --microphone         (of sound; arecord … | python run.py -)
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from bundle import Bundle, BundleError
from classifier import Classifier, rounded
from image_file import MOST_BYTES
from images import camera_frames, image_files, read_image, to_pixels
from options import add_model_options, number, run_script
from windows import lines_of, read_windows, window_files, windows_of

if TYPE_CHECKING:
    from hearing import Heard

    Answer = tuple[str, dict[str, Any] | BundleError]


def main() -> int:
    """Print one line an image; 1 when one could not be read, the others are classified all the same."""
    options = parse()
    bundle = Bundle.read()
    classifier = Classifier(bundle, options.variant, threads=options.threads, provider=options.provider)
    print(classifier.introduction, file=sys.stderr)
    failed = 0
    kind = "recording" if bundle.sound else "image"
    for name, found in (sounds if bundle.sound else answers)(options, bundle, classifier):
        if isinstance(found, BundleError):
            failed += 1
            print(json.dumps({kind: name, "error": str(found)}) if options.json else f"error: {found}",
                  file=sys.stdout if options.json else sys.stderr, flush=True)  # fmt: skip
            continue
        row = {kind: name, **rounded(found), "variant": classifier.variant, "provider": classifier.providers[0]}
        place = f":{found['at_s']:.2f}" if "at_s" in found else ""
        print(json.dumps(row) if options.json else f"{name}{place}\t{in_words(found)}", flush=True)
    return 1 if failed else 0


def answers(options: argparse.Namespace, bundle: Bundle, classifier: Classifier) -> Iterator[Answer]:
    """Yield every image's or window's name, and its label and score or the reason why it is none."""
    for name, pixels in images(options, bundle):
        if isinstance(pixels, BundleError):
            yield name, pixels
        else:
            try:
                yield name, classifier.classify(pixels)
            except BundleError as error:
                yield name, error


def in_words(found: dict[str, Any]) -> str:
    """Return label and score; of several heads those of each, with its name before them."""
    heads = {f"{name}: ": one for name, one in found["heads"].items()} if "heads" in found else {"": found}
    return "\t".join(f"{name}{one['label']}\t{one['score']:.4f}" for name, one in heads.items())


def sounds(options: argparse.Namespace, bundle: Bundle, classifier: Classifier) -> Iterator[Answer]:
    """Yield what recordings, standard input or the microphone say; of more than a clip, what is heard and when."""
    from hearing import Ear
    from recordings import microphone, recording_files, samples_in, samples_of_stream

    if options.camera is not None:
        raise BundleError("the model takes sound, not a camera's images")
    ear = Ear(bundle)
    if options.microphone is not None:
        print("listening", file=sys.stderr, flush=True)
        for one in ear.detections(classifier, microphone(options.microphone, ear.rate_hz)):
            yield "microphone", _heard(one)
        return
    if options.images == ["-"]:
        for one in ear.detections(classifier, samples_of_stream(sys.stdin.buffer, ear.rate_hz, "standard input")):
            yield "-", _heard(one)
        return
    for path in recording_files(options.images):
        count = 0
        try:
            for one in ear.judged(classifier, samples_in(path, ear.rate_hz, str(path)), str(path)):
                count += 1
                yield str(path), _heard(one)
        except BundleError as error:
            yield str(path), error
            continue
        if not count:
            print(f"{path}: nothing was heard", file=sys.stderr)


def _heard(one: Heard) -> dict[str, Any]:
    at = {} if one.seconds is None else {"at_s": round(one.seconds, 3)}
    return {**at, "label": one.label, "score": one.score}


def images(options: argparse.Namespace, bundle: Bundle) -> Iterator[tuple[str, NDArray[Any] | BundleError]]:
    """Yield every image as (name, pixels), or the reason why it is none."""
    if options.microphone is not None:
        raise BundleError("the model takes no sound, which a microphone would hear")
    if bundle.sampling:
        yield from windows(options, bundle)
        return
    if options.camera is not None:
        for name, frame in camera_frames(options.camera, options.count):
            yield name, to_pixels(frame, bundle, fit=True, name=name)
        return
    if options.images == ["-"]:
        yield "-", _pixels(sys.stdin.buffer.read(MOST_BYTES + 1), bundle, options.fit, "standard input")
        return
    for path in image_files(options.images):
        yield str(path), _pixels(path, bundle, options.fit, str(path))


def windows(options: argparse.Namespace, bundle: Bundle) -> Iterator[tuple[str, NDArray[Any] | BundleError]]:
    """Yield every window of csv files, or of standard input as its lines come."""
    if options.camera is not None:
        raise BundleError("the model takes windows of a sensor, not a camera's images")
    if options.images == ["-"]:
        yield from windows_of(lines_of(sys.stdin), bundle, "-")
        return
    for path in window_files(options.images):
        try:
            yield from read_windows(path, bundle)
        except BundleError as error:
            yield str(path), error


def _pixels(source: object, bundle: Bundle, fit: bool, name: str) -> NDArray[Any] | BundleError:
    try:
        return read_image(source, bundle, fit=fit, name=name)  # type: ignore[arg-type]
    except BundleError as error:
        return error


def parse() -> argparse.Namespace:
    """Return the command line's values."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="*", help="image, csv or .wav files, folders of them, or - for standard input")
    parser.add_argument("--camera", nargs="?", const="auto", metavar="SOURCE",
                        help="the camera (picamera2, else OpenCV); SOURCE: a number or file for OpenCV")  # fmt: skip
    parser.add_argument("--microphone", nargs="?", const="default", metavar="DEVICE",
                        help="listen by ALSA's arecord; DEVICE: as arecord -L lists them")  # fmt: skip
    parser.add_argument(
        "--count", type=number(int, 0, 1_000_000_000), default=0, help="frames of the camera (default: without end)"
    )
    parser.add_argument(
        "--fit", action="store_true", help="convert images of another size or mode, where training did not"
    )
    parser.add_argument("--json", action="store_true", help="print JSON lines")
    add_model_options(parser)
    options = parser.parse_args()
    if not options.images and options.camera is None and options.microphone is None:
        parser.error("name files, a folder, - for standard input, --camera or --microphone")
    return options


if __name__ == "__main__":
    run_script(main)
