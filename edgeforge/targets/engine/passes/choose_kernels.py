"""Choose for each operator the C function that runs it on the core."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from edgeforge.errors import RecipeError
from edgeforge.passes import Pass, Rewritten
from edgeforge.targets.engine.ir import Operator
from edgeforge.targets.engine.kernel import Kernel
from edgeforge.targets.engine.kernels.chain import ChainKernel
from edgeforge.targets.engine.kernels.table import KERNELS
from edgeforge.targets.engine.network import Network
from edgeforge.targets.engine.operators.chain import Chain
from edgeforge.targets.engine.options import Options


class ChooseKernels(Pass[Network]):
    """The first kernel of the table that the core can run, that suits what is optimized, and that does not refuse."""

    def rewrite(self, network: Network) -> Rewritten[Network]:
        """Raises RecipeError for an operator that no kernel runs."""
        kernels = tuple(choose(operator, network.options) for operator in network.operators)
        return Rewritten(replace(network, kernels=kernels), tuple(kernel.function for kernel in kernels))

    def ensures(self, before: Network, after: Rewritten[Network]) -> Iterator[str]:
        """Yield operators without a kernel."""
        if len(after.model.kernels) != len(after.model.operators):
            yield "an operator has no kernel"


def choose(operator: Operator, options: Options) -> Kernel[Any]:
    """Return the kernel that runs an operator. Raises RecipeError with the portable kernel's reason."""
    if kernel := next(chosen(operator, options), None):
        return kernel
    refusals = [kernel.refusal(operator) for kernel in _able(operator, options)]
    refusal = refusals[-1] if refusals else "there is no kernel for it"
    raise RecipeError(
        f"{operator.label}: tensor {operator.input.name} is {operator.input.kind}: {refusal}",
        fix="replace that layer, or run the model with TFLM",
    )


def chosen(operator: Operator, options: Options, *, for_ram: bool = False) -> Iterator[Kernel[Any]]:
    """Yield the kernels that can run an operator, the fastest first; for_ram: whatever else is optimized."""
    options = replace(options, optimize="ram") if for_ram else options
    if isinstance(operator, Chain):
        return _of_chain(operator, options)
    return (kernel for kernel in _able(operator, options) if not kernel.refusal(operator))


def _of_chain(operator: Chain, options: Options) -> Iterator[Kernel[Any]]:
    """Yield the kernel of a chain, where each of its layers has one that computes bands."""
    kernels = [next((one for one in chosen(link, options) if one.band_top), None) for link in operator.links]
    found = tuple(kernel for kernel in kernels if kernel is not None)
    if len(found) == len(kernels):
        yield ChainKernel(found)


def _able(operator: Operator, options: Options) -> Iterator[Kernel[Any]]:
    """Yield the kernels of an operator's kind that suit the core and what is wished."""
    for kernel in KERNELS:
        fits = isinstance(operator, kernel.operator) and kernel.features <= options.core.features
        if fits and options.optimize in kernel.optimizes and options.rounding in kernel.roundings:
            yield kernel
