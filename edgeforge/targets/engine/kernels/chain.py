"""Layers one behind the other, a few rows at a time: each by the kernel that it has alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edgeforge.targets.engine.kernel import Array, Field, Kernel, Names, c_value
from edgeforge.targets.engine.memory.blocks import rounded
from edgeforge.targets.engine.operators.chain import Chain, reach, row_bytes

ALIGNMENT = 8  # of the rings, and of the layers' scratch memory
STATE = 20  # bytes of an engine_chain_state
ANEW = 60.0  # about how many instructions a depthwise layer takes to begin a band, for each channel
KEPT_AGAIN = 0.3  # and a convolution, for each value of the rows that the band before saw too


class ChainKernel(Kernel[Chain]):
    """One an operator: kernels has those of its layers, each of which computes bands (Kernel.band_top)."""

    operator = Chain
    function = "engine_chain"
    source = "chain"

    def __init__(self, kernels: tuple[Kernel[Any], ...]) -> None:
        self.kernels = kernels

    @property
    def headers(self) -> tuple[str, ...]:
        return (self.source, *(kernel.source for kernel in self.kernels))

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source, *(source for kernel in self.kernels for source in kernel.sources))

    def arrays(self, operator: Chain) -> dict[str, Array]:
        return {
            f"{n}_{what}": array
            for n, (kernel, link) in enumerate(zip(self.kernels, operator.links, strict=True))
            for what, array in kernel.arrays(link).items()
        }

    def scratch(self, operator: Chain) -> int:
        works = [
            kernel.band_scratch(link, operator.most_rows(n))
            for n, (kernel, link) in enumerate(zip(self.kernels, operator.links, strict=True))
        ]
        return _rings(operator)[-1] + max(works)

    def instructions(self, operator: Chain) -> int:
        total, bands = 0.0, len(operator.bands)
        for kernel, link in zip(self.kernels, operator.links, strict=True):
            total += kernel.instructions(link)
            again = (reach(link.window) - link.window.stride[0]) * link.input.shape[2] * link.input.shape[3]
            total += bands * (ANEW * link.output.shape[3] + KEPT_AGAIN * max(again, 0))
        return round(total)

    def lead(self, operator: Chain) -> int | None:
        return operator.lead

    def parameters(self, operator: Chain, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {
            "batches": operator.input.shape[0],
            "image": operator.input.bytes // operator.input.shape[0],
            "out_image": operator.output.bytes // operator.output.shape[0],
            "outputs": operator.output.shape[1],
            "rows": operator.rows,
            "work": _rings(operator)[-1],
            "count": len(operator.links),
        }

    def definition(self, operator: Chain, names: Names) -> str:
        """Each layer's parameters, a function that computes a band of it, and what chain.c knows of all."""
        lines, links = [], []
        for n, (kernel, link) in enumerate(zip(self.kernels, operator.links, strict=True)):
            own = f"{names.layer}_{n}"
            arrays = {what.removeprefix(f"{n}_"): c for what, c in names.arrays.items() if what.startswith(f"{n}_")}
            lines.append(kernel.definition(link, replace(names, layer=own, arrays=arrays)))
            scratch = ", band->scratch" if kernel.band_scratch(link, operator.most_rows(n)) else ""
            lines.append(
                f"static void {own}_band(const engine_band *band) {{\n"
                f"  {kernel.function}_layer layer = {own};\n"
                "  layer.batches = 1;\n"
                "  layer.input.height = band->height;\n"
                "  layer.output.height = band->rows;\n"
                f"  layer.{kernel.band_top} = band->above;\n"
                f"  {kernel.function}(&layer, band->in, band->out{scratch});\n"
                "}\n"
            )
            links.append(
                c_value(
                    {
                        "compute": f"{own}_band",
                        "stride": link.window.stride[0],
                        "reach": reach(link.window),
                        "top": link.window.padding.top,
                        "height": link.input.shape[1],
                        "row": link.input.shape[2] * link.input.shape[3],
                        "out_row": row_bytes(link),
                        "ring": _rings(operator)[n - 1] if n else 0,
                    }
                )
            )
        rows = "".join(f"  {link},\n" for link in links)
        lines.append(f"static const engine_chain_link {names.layer}_links[] = {{\n{rows}}};\n")
        members = {**self.parameters(operator, names.arrays), "links": f"{names.layer}_links"}
        inside = "".join(f"  .{member} = {c_value(value)},\n" for member, value in members.items())
        lines.append(f"static const engine_chain_layer {names.layer} = {{\n{inside}}};\n")
        return "".join(lines)


def _rings(operator: Chain) -> list[int]:
    """Return where each ring begins in the scratch memory, and where the last one ends."""
    begins = [rounded(STATE * len(operator.links), ALIGNMENT)]
    for kept in operator.kept_bytes:
        begins.append(begins[-1] + rounded(kept, ALIGNMENT))
    return begins
