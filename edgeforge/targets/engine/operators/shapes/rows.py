"""Copies rows of bytes that lie apart: what CONCATENATION and SPLIT come down to."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from edgeforge.targets.engine.ir import Operator
from edgeforge.targets.engine.kernel import Field, Kernel, Names, c_value


@dataclass(frozen=True)
class Rows:
    """Rows of equal length, all in bytes. source, target: the first; source_step, target_step: from one to the next."""

    count: int
    bytes: int
    source: int
    source_step: int
    target: int
    target_step: int


class CopyRows[Op: Operator](Kernel[Op]):
    """One call an input, or an output."""

    function = "engine_copy_rows"
    source = "copy_rows"

    @abstractmethod
    def parts(self, operator: Op) -> list[tuple[int, int, Rows]]:
        """Return what is copied: (which input, which output, its rows)."""

    def parameters(self, operator: Op, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {}

    def definition(self, operator: Op, names: Names) -> str:
        parts = self.parts(operator)
        lines = "".join(f"  {c_value(_fields(rows))},\n" for _, _, rows in parts)
        return f"static const engine_copy_rows_layer {names.layer}[{len(parts)}] = {{\n{lines}}};\n"

    def call(self, operator: Op, names: Names) -> str:
        calls = [
            f"engine_copy_rows(&{names.layer}[{number}], {names.inputs[source]}, {names.outputs[target]});"
            for number, (source, target, _) in enumerate(self.parts(operator))
        ]
        return "\n  ".join(calls)


def _fields(rows: Rows) -> dict[str, int]:
    return {
        "rows": rows.count,
        "bytes": rows.bytes,
        "in": rows.source,
        "in_step": rows.source_step,
        "out": rows.target,
        "out_step": rows.target_step,
    }
