"""MEAN and SUM along any dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeforge.targets.engine.fixed_point import LIMITS, quantize_multiplier
from edgeforge.targets.engine.ir import Operator
from edgeforge.targets.engine.kernel import Field, Kernel
from edgeforge.targets.engine.read import Found

DIMENSIONS = 3  # kept ones and reduced ones that the kernel walks
LARGEST = 2**31


@dataclass(frozen=True, eq=False)
class Mean(Operator):
    """kept, reduced: dimensions as (size, how far apart neighbours are), the outermost first.

    multiplier, shift: of a sum of `count` differences to the zero point; the mean's division is in them.
    """

    kept: tuple[tuple[int, int], ...]
    reduced: tuple[tuple[int, int], ...]
    count: int
    multiplier: int
    shift: int


def mean(found: Found) -> Mean:
    """Return MEAN as TFLM's reduce_common.cc and QuantizedMeanOrSum of reduce.h prepare it."""
    return _lower(found, is_mean=True)


def total(found: Found) -> Mean:
    """Return SUM, of the same."""
    return _lower(found, is_mean=False)


def _lower(found: Found, *, is_mean: bool) -> Mean:
    source, target = found.input(0, "int8", "int16"), found.output(found.input(0).kind)
    rank = len(source.shape)
    axes = {int(axis) % rank for axis in found.constant(1, "int32").reshape(-1)}
    kept, reduced = _dimensions(source.shape, axes)
    if max(len(kept), len(reduced)) > DIMENSIONS:
        found.refuse(f"is reduced along {sorted(axes)}, which alternate too often", source)
    count = 1
    for size, _ in reduced:
        count *= size
    if target.size * count != source.size:
        found.refuse(f"has {target.size} values; the input has {source.size}, {count} for each", target)
    low, high = LIMITS[source.kind]
    if count * max(source.zero_point - low, high - source.zero_point, high + 1) >= LARGEST:
        found.refuse(f"is reduced over {count:,} values: 32 bits do not hold their sum", source)
    multiplier, shift = quantize_multiplier(source.scale / target.scale, found.compiling.rounding)
    if is_mean:
        by = min(count.bit_length() - 1, 32, 31 + shift)
        multiplier, shift = (multiplier << by) // count, shift - by
    return Mean(found.label, (source,), (target,), kept, reduced, count, multiplier, shift)


def _dimensions(
    shape: tuple[int, ...], axes: set[int]
) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
    """Return (kept, reduced) dimensions; neighbours of one kind are one."""
    merged: list[tuple[int, int, bool]] = []  # size, stride, reduced; the innermost first
    stride = 1
    for axis in reversed(range(len(shape))):
        size, reduced = shape[axis], axis in axes
        if size == 1:
            continue
        if merged and merged[-1][2] == reduced:
            merged[-1] = (merged[-1][0] * size, merged[-1][1], reduced)
        else:
            merged.append((size, stride, reduced))
        stride *= size
    outermost_first = merged[::-1]
    return (
        tuple((size, step) for size, step, reduced in outermost_first if not reduced),
        tuple((size, step) for size, step, reduced in outermost_first if reduced),
    )


class PortableMean(Kernel[Mean]):
    """Any dimensions; int8."""

    operator = Mean
    function = "engine_mean"
    source = "mean"

    def refusal(self, operator: Mean) -> str:
        return "" if operator.input.kind == "int8" else "it computes int8"

    def parameters(self, operator: Mean, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        kept, reduced = (_filled(dimensions) for dimensions in (operator.kept, operator.reduced))
        return {
            "kept": tuple(size for size, _ in kept),
            "kept_step": tuple(step for _, step in kept),
            "reduced": tuple(size for size, _ in reduced),
            "reduced_step": tuple(step for _, step in reduced),
            "zeros": operator.count * operator.input.zero_point,
            "output_zero": operator.output.zero_point,
            "multiplier": operator.multiplier,
            "shift": operator.shift,
        }


def _filled(dimensions: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    return ((1, 0),) * (DIMENSIONS - len(dimensions)) + dimensions


class PortableMean16(PortableMean):
    """The same for int16."""

    function = "engine_mean_s16"
    source = "mean_s16"

    def refusal(self, operator: Mean) -> str:
        return "" if operator.input.kind == "int16" else "it computes int16"


LOWERINGS = {"MEAN": mean, "SUM": total}
KERNELS = (PortableMean(), PortableMean16())
