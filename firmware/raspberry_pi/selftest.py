"""Run the desk's test images and compare every output with the desk's: the proof that this device computes rightly."""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np

from bundle import Bundle
from classifier import Classifier
from device import device_facts
from options import MOST_THREADS, number, run_script


def main() -> int:
    """Return 0 when every variant is within its tolerance, else 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--provider", help="execution provider (default: the first there is)")
    parser.add_argument("--threads", type=number(int, 1, MOST_THREADS), default=1)
    options = parser.parse_args()
    bundle = Bundle.read()
    rows = [check(bundle, variant, options.provider, options.threads) for variant in bundle.variants]
    heard = features_are_the_desks(bundle) if bundle.sound else None
    passed = heard is not False and all(row["passed"] for row in rows)
    if options.json:
        print(json.dumps({"passed": passed, "features": heard, "device": device_facts(), "variants": rows}))
    else:
        for row in rows:
            print(f"{'ok  ' if row['passed'] else 'FAIL'} {bundle.name} {row['variant']}: largest difference "
                  f"{row['largest_difference']:.3g} (allowed {row['tolerance']:.3g}: {row['tolerance_is']}), "
                  f"{row['same_class']} of {row['images']} classes equal, on {row['provider']}")  # fmt: skip
            for one in row["heads"]:
                print(f"       {one['head']}: {one['largest_difference']:.3g} (allowed {one['tolerance']:.3g}), "
                      f"{one['same_class']} of {row['images']} equal")  # fmt: skip
        if heard is not None:
            same = "the desk's, byte for byte" if heard else "OTHER than the desk's"
            print(f"{'ok  ' if heard else 'FAIL'} {bundle.name} features of sound: {same}")
        facts = device_facts()
        runtimes = [f"{name} {facts[name]}" for name in ("onnxruntime", "litert") if facts[name]]
        print(f"self-test {'passed' if passed else 'FAILED'} on {facts['machine']}, {facts['system']}, "
              f"Python {facts['python']}, {', '.join(runtimes)}")  # fmt: skip
    return 0 if passed else 1


def check(bundle: Bundle, variant: str, provider: str | None, threads: int) -> dict[str, Any]:
    """Return how far one variant's outputs are from the desk's."""
    bundle.check_hash(variant)
    classifier = Classifier(bundle, variant, threads=threads, provider=provider)
    raw, expected = bundle.selftest("images", variant)
    tensor = bundle.tensor(raw, bundle.raw_max)
    found = classifier.logits(tensor)
    facts, finite = bundle.variants[variant], bool(np.isfinite(found).all())
    heads = []
    for (head, part), allowed in zip(classifier.heads(), facts["tolerances"]):
        own, desk = found[:, part], expected[:, part]
        same = classifier.decided(head, own, tensor) == classifier.decided(head, desk, tensor)
        heads.append({"head": head.name, "largest_difference": float(np.abs(own - desk).max()), "tolerance": allowed,
                      "same_class": int(same.sum())})  # fmt: skip
    widest = max(heads, key=lambda one: one["largest_difference"] / one["tolerance"])
    return {
        "variant": variant,
        "passed": finite and all(one["largest_difference"] <= one["tolerance"] for one in heads),
        "images": len(raw),
        "largest_difference": widest["largest_difference"],  # of the head that is the furthest away
        "tolerance": widest["tolerance"],
        "tolerance_is": facts["tolerance_is"],
        "same_class": min(one["same_class"] for one in heads),
        "provider": classifier.providers[0],
        "heads": heads if len(heads) > 1 else [],
    }


def features_are_the_desks(bundle: Bundle) -> bool:
    """Tell whether the features of test recordings, and of a second of pseudo-random sound, are the desk's bytes."""
    from feature_library import second_of_sound
    from hearing import Ear

    ear = Ear(bundle)
    clips, rows, random = bundle.selftest("sound", "images", "random")
    same = all((ear.clip(clip, "a test clip")[0] == one).all() for clip, one in zip(clips, rows))
    return bool(same and (ear.rows(second_of_sound(ear.rate_hz)) == random).all())


if __name__ == "__main__":
    run_script(main)
