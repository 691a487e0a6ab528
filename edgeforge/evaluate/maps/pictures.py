"""Pictures of the report: some test inputs, their true maps, and what float and int8 say; the worst images first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeforge.evaluate.maps.overlap import confusions, image_errors
from edgeforge.evaluate.mistakes import as_png, png_in_base64
from edgeforge.results.head import IGNORED
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.pictures.maps import COLOURS, NO_CLASS, MapPicture, MapsRow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST = 6  # pictures: the worst, the best and some between


def map_pictures(
    images: NDArray[Any],
    labels: NDArray[Any],
    outputs: dict[str, NDArray[np.float32]],
    index: NDArray[np.int64],
    preprocessing: Preprocessing,
) -> MapsRow | None:
    """Return test pictures with their maps, spread from the worst of the int8 model to its best; None of other heads.

    images: raw (N,C,H,W). labels: N,H*W. outputs: float model, int8 model → its outputs of the images `index`.
    """
    import numpy as np

    head = preprocessing.heads[0]
    if head.kind != "map" or preprocessing.shape[0] not in (1, 3):
        return None
    (float_name, of_float), (int8_name, of_int8) = outputs.items()
    said_float, said_int8 = head.decide(of_float), head.decide(of_int8)
    truth = labels[index].astype(np.int64)
    errors = image_errors(confusions(said_int8, truth, len(head.classes)))
    order = np.argsort(-errors, kind="stable")
    places = order[np.unique(np.linspace(0, len(order) - 1, min(MOST, len(order))).round().astype(int))]
    pictures = [
        MapPicture(
            index=int(index[place]),
            iou=float(1 - errors[place]),
            png=as_png(images[index[place]], preprocessing),
            truth=_painted(truth[place], head.shape),
            said_float=_painted(said_float[place], head.shape),
            said_int8=_painted(said_int8[place], head.shape),
        )
        for place in places
    ]
    ignored = bool((truth[places] == IGNORED).any())
    return MapsRow(float_model=float_name, int8_model=int8_name, images=len(index), pictures=pictures, ignored=ignored)


def _painted(pixels: NDArray[np.int64], shape: tuple[int, ...]) -> str:
    """Return a map (H*W) as a PNG in base64, in the classes' colours."""
    import numpy as np
    from PIL import Image

    places = np.where(pixels == IGNORED, len(COLOURS), pixels % len(COLOURS))
    picture = Image.fromarray(places.reshape(shape[:2]).astype(np.uint8), mode="P")
    picture.putpalette([part for colour in (*COLOURS, NO_CLASS) for part in bytes.fromhex(colour[1:])])
    return png_in_base64(picture)
