"""What Pillow says of images."""

from edgeforge.foreign.kinds.kind import Kind

PILLOW = (
    Kind(r"cannot identify image file", "it is no PNG, JPEG, BMP, GIF, WebP, TIFF or PPM image, or a damaged one"),
    Kind(r"image file is truncated", "the image is cut short"),
    Kind(r"broken data stream", "the image is damaged"),
)
