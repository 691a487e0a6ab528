"""How far before its input an output may begin, for kernels that go from pixel to pixel or from row to row.

What has been read is written over ("diagonal memory optimisation", Blacker et al. 2020, arXiv:2010.01000).
"""

from __future__ import annotations

from typing import Literal

from edgeforge.targets.engine.ir import BYTES, Operator, Window


def of_pixels(operator: Operator, window: Window, read: Literal["before", "alone", "again"]) -> int:
    """Return the lead (Kernel.lead) where windows are read, and outputs N,H,W,C written, pixel by pixel.

    read: before: all of a window before the first channel of its output is written; alone: for each output channel the
    input channel of its number, in their order; again: all of it for each.
    """
    import numpy as np

    (images, height, width, depth), (_, rows, columns, outputs) = operator.input.shape, operator.output.shape
    y = np.maximum(np.arange(rows) * window.stride[0] - window.padding.top, 0).clip(max=height - 1)
    x = np.maximum(np.arange(columns) * window.stride[1] - window.padding.left, 0).clip(max=width - 1)
    first = (y[:, None] * width + x[None, :]).reshape(-1)
    first = (np.arange(images)[:, None] * height * width + first[None, :]).reshape(-1) * depth
    needed = np.minimum.accumulate(first[::-1])[::-1]  # of this pixel and the later ones, the first value that is read
    begins = np.arange(len(first)) * outputs
    leads = [-operator.input.size, (begins[:-1] + outputs - needed[1:]).max(initial=-operator.input.size)]
    if read == "alone":  # a channel may be written over what was read for it
        leads.append((begins - needed).max())
    if read == "again":
        leads.append((begins + outputs - needed).max())
    return int(max(leads)) * BYTES[operator.input.kind]


def of_rows(operator: Operator, window: Window, kept: int, one_row: tuple[int, ...] = ()) -> int:
    """Return the lead (Kernel.lead) where all that is read for a row of outputs has been copied when they are written.

    kept: rows of the input, with their padding, that are copied before a row of outputs; 0 where windows read the input
    itself, and rows above are done with. one_row: where all pixels lie under their outputs, and are computed as one
    row: after how many of an image's pixels outputs are written.
    """
    source, target = operator.input.shape, operator.output.shape
    values, outputs = source[2] * source[3], target[2] * target[3]  # of a row
    leads = [-operator.input.bytes]
    if one_row:
        written = [image * source[1] * source[2] + end for image in range(source[0]) for end in one_row][:-1]
        return max(((target[3] - source[3]) * end for end in written), default=leads[0])
    for row in range(source[0] * target[1]):
        image, y = divmod(row, target[1])
        # How many rows have been read, or kept, when this one's outputs are written.
        read = y * window.stride[0] + kept - window.padding.top
        read = image * source[1] + min(max(read, 0), source[1])
        if read < source[0] * source[1]:
            leads.append((row + 1) * outputs - read * values)
    return max(leads)
