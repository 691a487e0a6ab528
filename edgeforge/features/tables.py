"""The tables that the C code reads, as its feature_tables.h and feature_tables.c."""

from __future__ import annotations

from collections.abc import Iterable
from math import cos, log2, pi, sin, sqrt

from edgeforge.features.settings import FeatureSettings

HEADER, SOURCE = "feature_tables.h", "feature_tables.c"
KINDS = {"log-mel": "FEATURES_LOG_MEL", "mfcc": "FEATURES_MFCC", "microfrontend": "FEATURES_MICROFRONTEND"}
WEIGHT_BITS = 12
OCTAVES = 32  # of power, that a byte tells apart
STEPS = 64  # of a logarithm's table
COLUMNS = 12


def tables(settings: FeatureSettings) -> dict[str, str]:
    """Return the text of feature_tables.h and feature_tables.c."""
    return {HEADER: _header(settings), SOURCE: _source(settings)}


def _header(settings: FeatureSettings) -> str:
    bits = settings.fft.bit_length() - 1  # log2
    window = _window(settings)
    # Of the loudest sine, whose amplitude is half the window's sum; in the scale of features_band.
    loudest = 2 * log2(sum(window) / 2) + WEIGHT_BITS + 20 - 2 * bits
    numbers = {
        "RATE": settings.rate_hz,
        "WINDOW": settings.window,
        "STRIDE": settings.stride,
        "FFT": settings.fft,
        "FRACTION": 15 - bits,
        "BANDS": settings.bands,
        "VALUES": settings.values,
        "LOUDEST": round(loudest * 65536),
        "OCTAVES": OCTAVES * 65536,
        "CORRECTION": bits - 6,
    }
    kinds = "".join(f"#define {name} {number}\n" for number, name in enumerate(KINDS.values()))
    defined = "".join(f"#define FEATURES_{name} {value}\n" for name, value in numbers.items())
    return f"""// What features are asked for. Written by EdgeForge.
#pragma once

#include <stdint.h>

{kinds}#define FEATURES_KIND {KINDS[settings.kind]}
{defined}
// A band: its first bin, how many it has, and where their weights begin.
typedef struct {{
  uint16_t first, count, weights;
}} features_band_bins;

extern const int16_t features_window[FEATURES_WINDOW];            // 15 bits of fraction
extern const int32_t features_turns[FEATURES_FFT / 2][2];         // cosine and sine, 30 bits of fraction
extern const features_band_bins features_bands[FEATURES_BANDS];
extern const uint16_t features_weights[];                         // 12 bits of fraction
extern const uint32_t features_logarithms[{STEPS + 1}];                   // log2(1 + i / {STEPS}), 16 bits of fraction
extern const uint32_t features_exponentials[{STEPS + 1}];                 // 2^(i / {STEPS}), 16 bits of fraction
#if FEATURES_KIND == FEATURES_MFCC
extern const int16_t features_cosines[FEATURES_VALUES * FEATURES_BANDS];
#endif
"""


def _source(settings: FeatureSettings) -> str:
    half, places = settings.fft // 2, range(STEPS + 1)
    turns = [
        f"{{{round(2**30 * cos(2 * pi * place / settings.fft))}, {round(2**30 * sin(2 * pi * place / settings.fft))}}}"
        for place in range(half)
    ]
    bands, weights = _bands(settings)
    rows = [f"{{{first}, {count}, {begin}}}" for first, count, begin in bands]
    parts = [
        f'// The tables of the features. Written by EdgeForge.\n#include "{HEADER}"\n',
        _array("int16_t features_window[FEATURES_WINDOW]", _window(settings)),
        _array("int32_t features_turns[FEATURES_FFT / 2][2]", turns, 4),
        _array("features_band_bins features_bands[FEATURES_BANDS]", rows, 6),
        _array("uint16_t features_weights[]", weights),
        _array(f"uint32_t features_logarithms[{STEPS + 1}]", [round(65536 * log2(1 + i / STEPS)) for i in places]),
        _array(f"uint32_t features_exponentials[{STEPS + 1}]", [round(65536 * 2 ** (i / STEPS)) for i in places]),
    ]
    if settings.kind == "mfcc":
        parts.append(_array("int16_t features_cosines[FEATURES_VALUES * FEATURES_BANDS]", _cosines(settings)))
    return "\n".join(parts)


def _window(settings: FeatureSettings) -> list[int]:
    """Return Hann's window, symmetric about its middle, with 15 bits of fraction."""
    places = range(settings.window)
    return [min(32767, round(32768 * (0.5 - 0.5 * cos(2 * pi * (i + 0.5) / settings.window)))) for i in places]


def _bands(settings: FeatureSettings) -> tuple[list[tuple[int, int, int]], list[int]]:
    """Return of each band the first bin, how many, and where their weights begin; and the weights of all."""
    edges = settings.edges()
    bands: list[tuple[int, int, int]] = []
    weights: list[int] = []
    for rise, middle, fall in zip(edges, edges[1:], edges[2:], strict=False):
        places = [place for place in range(1, settings.fft // 2) if rise < place < fall]
        shares = [min((place - rise) / (middle - rise), (fall - place) / (fall - middle)) for place in places]
        bands.append((places[0], len(places), len(weights)))
        weights += [round(2**WEIGHT_BITS * share) for share in shares]
    return bands, weights


def _cosines(settings: FeatureSettings) -> list[int]:
    """Return a discrete cosine transform (type 2, orthonormal but for sound_features.c's scale), 14 bits."""
    bands = settings.bands
    found = [round(2**14 * 8 / bands)] * bands
    for place in range(1, settings.coefficients):
        scale = 2**14 * 2 * sqrt(2 / bands)
        found += [round(scale * cos(pi * place * (band + 0.5) / bands)) for band in range(bands)]
    return found


def _array(declaration: str, values: Iterable[object], columns: int = COLUMNS) -> str:
    texts = list(map(str, values))
    lines = [", ".join(texts[start : start + columns]) for start in range(0, len(texts), columns)]
    body = ",\n    ".join(lines)
    return f"const {declaration} = {{\n    {body},\n}};\n"
