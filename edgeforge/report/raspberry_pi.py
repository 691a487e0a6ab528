"""The Raspberry Pi bundle's part of the report: its table in the terminal and its plot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeforge.report.schema import PiDevice

if TYPE_CHECKING:
    from rich.table import Table

STYLES = {"fp32": ("o", "-"), "int8": ("D", "--")}  # marker and line of each variant
DEVICE_COLOURS = ("#1c7ed6", "#d9480f", "#2f9e44", "#7950f2", "#c2255c", "#0c8599")


def devices_table(devices: list[PiDevice]) -> Table:
    """Return one row a device and variant, at the number of threads that is its fastest."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 1), title="Raspberry Pi bundle", title_justify="left")
    for name in ("measured on", "variant", "threads", "p50 ms", "p99 ms", "images/s", "peak MB", "self-test"):
        left = name in ("measured on", "variant", "self-test")
        table.add_column(name, justify="left" if left else "right", no_wrap=name != "measured on")
    for device in devices:
        for variant in dict.fromkeys(row.variant for row in device.latency):
            best = min((row for row in device.latency if row.variant == variant), key=lambda row: row.p50_ms)
            memory = device.memory_bytes.get(variant)
            passed = all(row.passed for row in device.selftest if row.variant == variant)
            chosen = device.chosen and device.chosen["variant"] == variant
            where = f"{device.name} ({device.device['machine']})"
            table.add_row(where, f"{variant}{' [dim]chosen[/]' if chosen else ''}", str(best.threads),
                          f"{best.p50_ms:.3f}", f"{best.p99_ms:.3f}", f"{best.images_per_second:.1f}",
                          "–" if memory is None else f"{memory / 2**20:.1f}",
                          "[green]passed[/]" if passed else "[red]failed[/]")  # fmt: skip
    return table


def threads_plot(devices: list[PiDevice]) -> str:
    """Return p50 latency (ms, logarithmic) against threads, a line for every device and variant."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    from edgeforge.report.plots import GREY, WIDTH, _figure, _svg

    figure, axes = _figure(WIDTH, 3.4)
    counts: set[int] = set()
    for place, device in enumerate(devices):
        for variant in dict.fromkeys(row.variant for row in device.latency):
            rows = sorted((row for row in device.latency if row.variant == variant), key=lambda row: row.threads)
            marker, line = STYLES.get(variant, ("s", ":"))
            axes.plot([row.threads for row in rows], [row.p50_ms for row in rows], marker=marker, linestyle=line,
                      markersize=4.5, color=DEVICE_COLOURS[place % len(DEVICE_COLOURS)],
                      label=f"{device.name} {variant}")  # fmt: skip
            counts |= {row.threads for row in rows}
    axes.set_xlabel("threads")
    axes.set_ylabel("latency p50, ms (one image)")
    axes.set_xticks(sorted(counts), [str(count) for count in sorted(counts)])
    if counts:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.4g}"))
        axes.legend(fontsize=7.5, frameon=False, labelcolor=GREY)
    return _svg(figure, f"Latency against threads on {len(devices)} device(s)")
