"""Classify images, a folder, standard input or the camera: a label and a score for each; or windows of a sensor.

python run.py samples/              python run.py --json photo.png
cat photo.png | python run.py -     python run.py --camera --count 10
python run.py recording.csv         read-sensor | python run.py -      (a line a sample, of a model of windows)
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from bundle import Bundle, BundleError
from classifier import Classifier
from images import camera_frames, image_files, read_image, to_pixels
from options import add_model_options, number, run_script
from windows import read_windows, window_files, windows_of


def main() -> int:
    """Print one line an image; 1 when one could not be read, the others are classified all the same."""
    options = parse()
    bundle = Bundle.read()
    classifier = Classifier(bundle, options.variant, threads=options.threads, provider=options.provider)
    print(classifier.introduction, file=sys.stderr)
    failed = 0
    for name, pixels in images(options, bundle):
        if isinstance(pixels, BundleError):
            failed += 1
            print(json.dumps({"image": name, "error": str(pixels)}) if options.json else f"error: {pixels}",
                  file=sys.stdout if options.json else sys.stderr, flush=True)  # fmt: skip
            continue
        label, score = classifier.classify(pixels)
        row = {"image": name, "label": label, "score": round(score, 6), "variant": classifier.variant,
               "provider": classifier.providers[0]}  # fmt: skip
        print(json.dumps(row) if options.json else f"{name}\t{label}\t{score:.4f}", flush=True)
    return 1 if failed else 0


def images(options: argparse.Namespace, bundle: Bundle) -> Iterator[tuple[str, NDArray[Any] | BundleError]]:
    """Yield every image as (name, pixels), or the reason why it is none."""
    if bundle.sampling:
        yield from windows(options, bundle)
        return
    if options.camera is not None:
        for name, frame in camera_frames(options.camera, options.count):
            yield name, to_pixels(frame, bundle, fit=True, name=name)
        return
    if options.images == ["-"]:
        yield "-", _pixels(sys.stdin.buffer.read(), bundle, options.fit, "standard input")
        return
    for path in image_files(options.images):
        yield str(path), _pixels(path, bundle, options.fit, str(path))


def windows(options: argparse.Namespace, bundle: Bundle) -> Iterator[tuple[str, NDArray[Any] | BundleError]]:
    """Yield every window of csv files, or of standard input as its lines come."""
    if options.camera is not None:
        raise BundleError("the model takes windows of a sensor, not a camera's images")
    if options.images == ["-"]:
        yield from windows_of(sys.stdin, bundle, "-")
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
    parser.add_argument("images", nargs="*", help="image (or csv) files, folders of them, or - for standard input")
    parser.add_argument("--camera", nargs="?", const="auto", metavar="SOURCE",
                        help="the camera (picamera2, else OpenCV); SOURCE: a number or file for OpenCV")  # fmt: skip
    parser.add_argument(
        "--count", type=number(int, 0, 1_000_000_000), default=0, help="frames of the camera (default: without end)"
    )
    parser.add_argument(
        "--fit", action="store_true", help="convert images of another size or mode, where training did not"
    )
    parser.add_argument("--json", action="store_true", help="print JSON lines")
    add_model_options(parser)
    options = parser.parse_args()
    if not options.images and options.camera is None:
        parser.error("name images, a folder, - for standard input, or --camera")
    return options


if __name__ == "__main__":
    run_script(main)
