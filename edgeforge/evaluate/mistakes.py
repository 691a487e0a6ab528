"""The test pictures that are classified wrongly, those first that the float model gets right and the int8 one wrong."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any, Literal

from edgeforge.data.labels import head_labels
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.report import Mistake, MistakesRow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

MOST = 24  # pictures
SIDE = 96  # pixels that a picture has at most
MOST_BYTES = 300_000  # of all pictures in base64: what the report's page grows by at most
Who = Literal["int8", "both", "float"]  # is wrong
ORDER: tuple[Who, ...] = ("int8", "both", "float")


def mistakes(
    images: NDArray[Any],
    labels: NDArray[Any],
    outputs: dict[str, NDArray[np.float32]],
    index: NDArray[np.int64],
    preprocessing: Preprocessing,
) -> MistakesRow | None:
    """Return the wrong answers of a float and an int8 model; None where inputs are no pictures, outputs no classes.

    images: raw (N,C,H,W). outputs: float model, int8 model → its outputs of the images `index` (M,outputs). Within a
    kind those come first of which the int8 model is surest.
    """
    import numpy as np

    head = preprocessing.heads[0]
    if not preprocessing.is_image or head.kind != "classes":
        return None
    (float_name, of_float), (int8_name, of_int8) = ((name, one[:, : head.size]) for name, one in outputs.items())
    truth = head_labels(labels, preprocessing.heads)[index]
    said_float, said_int8 = of_float.argmax(axis=1), of_int8.argmax(axis=1)
    wrong = {
        "int8": (said_float == truth) & (said_int8 != truth),
        "both": (said_float != truth) & (said_int8 != truth),
        "float": (said_float != truth) & (said_int8 == truth),
    }
    rows = np.arange(len(truth))
    sure = of_int8[rows, said_int8] - of_int8[rows, truth]  # 0 where it is right
    found: list[Mistake] = []
    left = MOST_BYTES
    for who in ORDER:
        places = np.flatnonzero(wrong[who])
        for place in places[np.argsort(-sure[places], kind="stable")][: MOST - len(found)]:
            png = as_png(images[index[place]], preprocessing)
            if len(png) > left:
                break
            left -= len(png)
            found.append(
                Mistake(
                    index=int(index[place]), who=who, truth=int(truth[place]), said_float=int(said_float[place]),
                    said_int8=int(said_int8[place]), png=png,
                )
            )  # fmt: skip
    counts = {who: int(wrong[who].sum()) for who in ORDER}
    return MistakesRow(
        float_model=float_name, int8_model=int8_name, images=len(truth), counts=counts, pictures=found
    )  # fmt: skip


def as_png(raw: NDArray[Any], preprocessing: Preprocessing) -> str:
    """Return a raw picture (C,H,W) as a small PNG in base64: the same bytes for the same picture."""
    import numpy as np
    from PIL import Image

    pixels = np.clip(raw.astype(np.float64) * (255.0 / preprocessing.raw_max), 0, 255).round().astype(np.uint8)
    picture = Image.fromarray(pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, 2))
    if max(picture.size) > SIDE:
        picture.thumbnail((SIDE, SIDE))
    return png_in_base64(picture)


def png_in_base64(picture: Image.Image) -> str:
    """Return a picture as a PNG in base64."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()
