"""Save memory: where the arena is largest, compute by rows, or by a kernel with less scratch memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from edgeforge.passes import Pass, Rewritten
from edgeforge.targets.engine.memory.blocks import Block, needed
from edgeforge.targets.engine.memory.lifetimes import blocks_of, end_blocks
from edgeforge.targets.engine.network import Network
from edgeforge.targets.engine.operators.chain import Chain
from edgeforge.targets.engine.options import Optimize
from edgeforge.targets.engine.passes.choose_kernels import ChooseKernels
from edgeforge.targets.engine.passes.compute_by_rows import by_rows
from edgeforge.targets.engine.passes.lighter_kernels import by_lighter_kernels
from edgeforge.targets.engine.passes.place_ends import PlaceEnds
from edgeforge.targets.engine.passes.plan_memory import PlanMemory
from edgeforge.targets.engine.passes.work_in_place import WorkInPlace

FEWEST_ROWS = 4  # of a band, for speed: each begins anew for every channel, which costs about one instruction in 100


@dataclass(frozen=True)
class Saving:
    """How far to go. rows: the fewest of a band, None for no bands; kernels: whether slower ones may be taken."""

    rows: int | None
    kernels: bool


FEW = Saving(FEWEST_ROWS, kernels=False)
ALL = (Saving(1, kernels=False), Saving(1, kernels=True))
# For speed what costs next to nothing; small code has no room for kernels of bands.
SAVINGS: dict[Optimize, tuple[Saving, ...]] = {"speed": (FEW,), "ram": ALL, "size": ()}
DEAREST: dict[Optimize, float] = {"speed": 0.05, "ram": 1.0}  # share of instructions that no bytes are worth more than


class SaveMemory(Pass[Network]):
    """Each step is the one after which the network needs least; of several the one with the fewest instructions.

    For RAM they end before the share of instructions that they cost (an estimate) is larger than the share of bytes
    that they save, and are those for speed where these need no more. Where `max_ram` is given and that is not enough,
    whatever is optimized, they go on until it is.
    """

    def requires(self, network: Network) -> Iterator[str]:
        """Yield that kernels are not chosen: they are asked."""
        if len(network.kernels) != len(network.operators):
            yield "kernels are not chosen"

    def rewrite(self, network: Network) -> Rewritten[Network]:
        """Take steps while there is one."""
        before, most = network, network.options.max_ram
        network = _saved(network)
        if network.options.optimize == "ram":
            fast = ChooseKernels().rewrite(replace(before, options=replace(before.options, optimize="speed"))).model
            network = _fewest_instructions(replace(_saved(fast), options=before.options), network)
        within = network
        if most is not None:
            for saving in ALL:
                network = _lessened(network, saving, most)[-1]
        notes = tuple(_notes(before, network))
        lessened = network is not within
        return Rewritten(replace(network, folded=(*network.folded, *notes), lessened=lessened), notes)


def _saved(network: Network) -> Network:
    """Return the network after the steps that are worth it for what is optimized."""
    for saving in SAVINGS[network.options.optimize]:
        network = _worth_it(network, _lessened(network, saving, None))
    return network


def _lessened(network: Network, saving: Saving, most: int | None) -> list[Network]:
    """Return the network after none, one, two … steps, to the end or until it takes no more than `most` bytes."""
    path, cost = [network], _cost(network)
    while most is None or not _fits(path[-1], most):
        found = _steps(path[-1], saving)
        steps = [(_cost(step), step.instructions, number) for number, step in enumerate(found)]
        if not steps or (least := min(steps))[0] >= cost:
            break
        if most is not None and (enough := [one for one in steps if one[0][0] <= most]):
            least = min(enough, key=lambda one: one[1:])
        cost = least[0]
        path.append(found[least[2]])
    return path


def _worth_it(network: Network, path: list[Network]) -> Network:
    """Return the last of a path that saves as large a share of bytes as it costs of instructions, if not too dear."""
    bytes_now, dearest = _planned(network).shared_bytes, DEAREST[network.options.optimize]

    def worth(step: Network) -> bool:
        saved = 1 - _planned(step).shared_bytes / bytes_now
        return step.instructions / max(network.instructions, 1) - 1 <= min(saved, dearest)

    return next((step for step in reversed(path) if worth(step)), network)


def _fewest_instructions(one: Network, other: Network) -> Network:
    """Return the network with fewer bytes, inputs and outputs counted; of equal ones that with fewer instructions."""
    return min(one, other, key=lambda each: (_planned(each, search=True).shared_bytes, each.instructions))


def _steps(network: Network, saving: Saving) -> list[Network]:
    """Return the networks that are one step away."""
    planned = _planned(network)
    inside = blocks_of(planned)
    times = _crowded(planned, [*inside, *end_blocks(planned)]) | _crowded(planned, inside)
    found: list[Network] = []
    if saving.rows is not None:
        found += by_rows(network, times, saving.rows, planned.shared_bytes, slower=saving.kernels)
    if saving.kernels:
        found += by_lighter_kernels(network, times)
    return found


def _fits(network: Network, most: int) -> bool:
    """Return whether a plan, searched for if need be, takes no more than `most`."""
    return any(_planned(network, search=search).shared_bytes <= most for search in (False, True))


def _cost(network: Network) -> tuple[int, ...]:
    """Return the bytes with inputs and outputs, how many operators need the most, and the bytes without."""
    planned = _planned(network)
    cost = planned.shared_bytes, len(_crowded(planned, [*blocks_of(planned), *end_blocks(planned)]))
    return (*cost, planned.arena_bytes) if network.options.optimize == "ram" else cost


def _planned(network: Network, *, search: bool = False) -> Network:
    network = replace(network, options=replace(network.options, max_ram=None))
    for one in (WorkInPlace(), PlanMemory() if search else PlanMemory(nodes=0), PlaceEnds()):
        network = one.rewrite(network).model
    return network


def _crowded(planned: Network, blocks: list[Block]) -> set[int]:
    """Return the operators at which the most bytes are needed."""
    needs = [needed(blocks, time) for time in range(len(planned.operators))]
    return {time for time, need in enumerate(needs) if need == max(needs)}


def _notes(before: Network, after: Network) -> Iterator[str]:
    """Yield what was done, for people."""
    fast = {operator.label: kernel.function for operator, kernel in zip(before.operators, before.kernels, strict=True)}
    for operator, kernel in zip(after.operators, after.kernels, strict=True):
        if isinstance(operator, Chain):
            for link, rows, kept in zip(operator.links, operator.kept_rows, operator.kept_bytes, strict=False):
                yield f"of {link.label} {rows} rows stand at a time: {kept:,} bytes, not {link.output.bytes:,}"
        elif fast.get(operator.label, kernel.function) != kernel.function:
            yield f"{operator.label} is computed by {kernel.function}, not {fast[operator.label]}, for its memory"
