"""scikit-learn's digits: 1,797 real handwritten digits of 8x8 pixels in 17 grey levels; no download."""

from __future__ import annotations

from edgeforge.builder.stage import Job
from edgeforge.data.source import Source


def load_digits(job: Job) -> Source:
    """Return all images (1797,1,8,8); the source has no test split of its own."""
    import numpy as np
    from sklearn import datasets

    digits = datasets.load_digits()
    return Source(
        images=digits.images.astype(np.uint8)[:, None],
        labels=digits.target.astype(np.int64),
        test_images=None,
        test_labels=None,
        classes=tuple(str(name) for name in digits.target_names),
        raw_max=16.0,
        mean=(0.3053,),
        std=(0.3760,),
    )
