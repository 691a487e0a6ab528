"""The scratch buffers that ESP-NN's kernels ask for: its own formulae, core by core.

esp-nn at commit d45b843 (2026-04-27), by which file: esp_nn_get_conv_scratch_size and
esp_nn_get_depthwise_conv_scratch_size of src/convolution/esp_nn_conv_esp32s3.c and
esp_nn_depthwise_conv_s8_esp32s3.c, with SIMD instructions of the ESP32-S3; on the ESP32 and the others (*_opt.c) they
ask for nothing. esp_nn_get_softmax_scratch_size: a row of 32-bit values. How they are called, dilation not being looked
at: esp-tflite-micro 1.4.0, tensorflow/lite/micro/kernels/esp_nn.
"""

from __future__ import annotations

from dataclasses import dataclass

WITH_SIMD = ("xtensa-lx7",)  # the ESP32-S3
LARGEST_PADDED, LARGEST_WIDENED = 40 * 1024, 48 * 1024  # of an input, in bytes: above, it is worked on in strips


@dataclass(frozen=True)
class Window:
    """A convolution in ESP-NN's terms; (height, width) each. channels: of the input; outputs: of the output."""

    input: tuple[int, int]
    filter: tuple[int, int]
    output: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    channels: int
    outputs: int

    @property
    def area(self) -> int:
        """Input positions."""
        return self.input[0] * self.input[1]

    @property
    def taps(self) -> int:
        """Filter positions."""
        return self.filter[0] * self.filter[1]

    def overhang(self) -> tuple[int, int]:
        """Return by how many rows and columns the filter reaches beyond the input, as the kernels count it."""
        rows, columns = (self.output[n] * self.stride[n] + self.filter[n] - 1 - self.input[n] for n in (0, 1))
        return rows, columns


def conv_scratch(window: Window, core: str) -> int:
    """Return the bytes that CONV_2D asks for."""
    if core not in WITH_SIMD:
        return 0
    margin, (filter_height, filter_width) = 64, window.filter
    if window.taps == 1 and window.padding == (0, 0) and window.stride == (1, 1):
        wide = _up(window.channels, 8)
        turned = 2 * 8 * wide if window.area >= 8 else 0
        copied = window.area * wide if window.channels % 8 else 0
        return copied + wide * window.outputs + turned + margin
    row, length = filter_width * window.channels, window.taps * window.channels
    if row < 16 <= length:
        return window.outputs * 4 + 16 + window.outputs * _up(length, 16) + 16 + _up(length, 16) + margin
    padded = 0
    if window.padding != (0, 0):
        padded = _grown(window, 2 * window.padding[0], 2 * window.padding[1]) * window.channels
    filters = window.taps * _up(window.channels, 16) * window.outputs
    aligned = _up(row, 16) * filter_height * window.outputs
    below, right = (max(0, over) for over in window.overhang())
    boundary = _grown(window, below, right) * window.channels if below or right else 0
    return padded + filters + aligned + boundary + margin + 4 * window.outputs


def depthwise_scratch(window: Window, core: str) -> int:
    """Return the bytes that DEPTHWISE_CONV_2D asks for."""
    if core not in WITH_SIMD:
        return 0
    multiplier, channels = window.outputs // window.channels, window.channels
    filters, values = window.taps * channels * multiplier, window.area * channels
    if multiplier == 1 and channels % 8 == 0:
        return _depthwise_by_eight(window, filters, values)
    if multiplier == 1 and channels > 3:
        wide = _up(channels, 8)
        outputs = window.output[0] * window.output[1] * wide
        starts = _up(2 * window.taps * wide, 16)
        starts = _up(starts + 2 * window.area * wide, 16)
        return _up(starts + outputs, 16) + 3 * 4 * wide + 16
    return 2 * (filters + values) + 32 if multiplier % 4 == 0 else 32


def _depthwise_by_eight(window: Window, filters: int, values: int) -> int:
    """Return the scratch of a depthwise convolution with as many outputs as channels, a multiple of 8."""
    channels, width = window.channels, window.input[1]
    if window.filter != (3, 3):
        whole = 2 * (filters + values)
        return 32 + (whole if whole <= LARGEST_WIDENED else 2 * filters + 2 * width * window.filter[0] * channels)
    if channels % 16 == 0:
        below, right = window.overhang() if window.padding == (0, 0) else (2 * side for side in window.padding)
        if not (below or right):
            return filters + 16
        whole = _grown(window, below, right) * channels
        return filters + 16 + (whole if whole <= LARGEST_PADDED else (width + right) * window.filter[0] * channels)
    if channels >= 12:
        wide = _up(channels, 16)
        below, right = (2 * side + max(0, over) for side, over in zip(window.padding, window.overhang(), strict=True))
        return 9 * wide + _grown(window, below, right) * wide + window.output[0] * window.output[1] * wide + 64
    return 2 * (filters + values) + 32


def softmax_scratch(input_shape: tuple[int, ...]) -> int:
    """Return the bytes that SOFTMAX asks for: its kernel takes the second axis for a row's length."""
    return 4 * input_shape[1]


def _grown(window: Window, rows: int, columns: int) -> int:
    return (window.input[0] + rows) * (window.input[1] + columns)


def _up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple
