"""The Raspberry Pi bundle's part of the report: its table in the terminal, and what to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeforge.results.rows.calibration import Finding
from edgeforge.results.rows.report import PiDevice, RaspberryPiRow

if TYPE_CHECKING:
    from rich.table import Table


def devices_table(devices: list[PiDevice]) -> Table:
    """Return a device's name and below it a row a variant, at the number of threads that is its fastest."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, padding=(0, 1), title="Raspberry Pi bundle", title_justify="left")
    for name in ("variant", "threads", "p50 ms", "p99 ms", "img/s", "peak MB", "self-test"):
        left = name in ("variant", "self-test")
        table.add_column(name, justify="left" if left else "right", no_wrap=name != "variant", overflow="fold")
    for device in devices:
        table.add_row(escape(f"on {device.name}, {device.device['machine']}"))
        for variant in dict.fromkeys(row.variant for row in device.latency):
            best = min((row for row in device.latency if row.variant == variant), key=lambda row: row.p50_ms)
            memory = device.memory_bytes.get(variant)
            passed = all(row.passed for row in device.selftest if row.variant == variant)
            chosen = device.chosen and device.chosen["variant"] == variant
            table.add_row(f"  {escape(variant)}{' [dim]chosen[/]' if chosen else ''}", str(best.threads),
                          f"{best.p50_ms:.3f}", f"{best.p99_ms:.3f}", f"{best.images_per_second:,.0f}",
                          "–" if memory is None else f"{memory / 2**20:.1f}",
                          "[green]passed[/]" if passed else "[red]failed[/]")  # fmt: skip
    return table


def raspberry_pi_findings(row: RaspberryPiRow | None) -> list[Finding]:
    """Return what is wrong with the runtime that should have given the bundle's goldens, and failed self-tests."""
    if row is None:
        return []
    found = list(row.findings)
    for device in row.devices:
        if slowed := [what for flags in (device.throttled or {}).values() for what in flags]:
            what = f"{device.name}: {' and '.join(dict.fromkeys(slowed))}: its figures are of a slowed processor"
            remedy = "use the supply that Raspberry Pi names for the board, cool it, and deploy again"
            found.append(Finding(severity="warning", what=what, remedy=remedy))
        for test in device.selftest:
            if not test.passed:
                what = (f"{device.name}: {test.variant} fails the bundle's self-test: it differs by "
                        f"{test.largest_difference:.3g}, allowed is {test.tolerance:.3g} ({test.tolerance_is}), on "
                        f"{device.device['model']}, {_runtime(test.provider, device)}")  # fmt: skip
                remedy = "do not use that variant there, nor its figures"
                found.append(Finding(severity="error", what=what, remedy=remedy))
    return found


def _runtime(provider: str, device: PiDevice) -> str:
    name = "LiteRT" if provider == "LiteRT" else "onnxruntime"
    return f"{name} {device.device.get(name.lower())}"
