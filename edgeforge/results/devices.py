"""What the Raspberry Pi bundle measured on the desk and on devices, as rows of the report.

A device's figures come from `edgeforge deploy`, which keeps them in the build folder (`devices/HOST.json`), beside
the immutable store. They are input files of the stage `report`, so a build takes them up like any changed file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edgeforge.errors import EdgeForgeError, RecipeError
from edgeforge.files import sha256_of
from edgeforge.inputs.regular import read_regular
from edgeforge.inputs.sizes import KIND
from edgeforge.results.files import BUNDLE_ROW_FILE, DESK_FILE
from edgeforge.results.rows.calibration import Finding
from edgeforge.results.rows.report import PiDevice, PiLatency, PiLoad, PiSelfTest, RaspberryPiRow

DEVICES_FOLDER = "devices"
BUNDLE_STAGE, DESK_STAGE = "raspberry-pi", "raspberry-pi-bench"


def device_files(folder: Path) -> dict[str, Path]:
    """Return the figures of every device that a build folder holds, as `devices/HOST` → file."""
    return {f"{DEVICES_FOLDER}/{path.stem}": path for path in sorted((folder / DEVICES_FOLDER).glob("*.json"))}


def device_row(
    name: str,
    bundle: Path,
    selftest: dict[str, Any],
    bench: dict[str, Any],
    load: dict[str, Any],
    load_reason: str = "",
) -> PiDevice:
    """Return one computer's row from what a bundle's selftest.py, bench.py and loadtest.py print with --json."""
    return PiDevice(
        name=name,
        bundle=sha256_of(bundle),
        device=bench["device"],
        temperature_c=bench["temperature_c"],
        throttled=bench["throttled"],
        selftest=[PiSelfTest(**row) for row in selftest["variants"]],
        latency=[PiLatency(**row) for row in bench["rows"]],
        memory_bytes=bench["memory_bytes"],
        chosen=bench["chosen"],
        perf=bench["perf"],
        load=[PiLoad(**row) for row in load.get("rows", [])],
        malformed=load.get("malformed"),
        load_reason=load_reason,
    )


def read_device(path: Path) -> PiDevice:
    """Return a device's row. Raises RecipeError when the file is none."""
    try:
        return PiDevice.model_validate_json(read_regular(path, largest=KIND["text"]))
    except (EdgeForgeError, ValueError) as error:
        raise RecipeError(f"{path} holds no figures of a device", fix="remove it, and deploy again") from error


def raspberry_pi_row(inputs: dict[str, Path], files: dict[str, Path]) -> RaspberryPiRow | None:
    """Return the report's row of the bundle; None for a recipe without one.

    What devices measured of an earlier bundle is not shown; a finding says so.
    """
    if BUNDLE_STAGE not in inputs:
        return None
    row = RaspberryPiRow(
        **json.loads((inputs[BUNDLE_STAGE] / BUNDLE_ROW_FILE).read_text()),
        devices=[read_device(inputs[DESK_STAGE] / DESK_FILE)],
    )
    for name, path in sorted(files.items()):
        if name.startswith(f"{DEVICES_FOLDER}/"):
            device = read_device(path)
            if device.bundle == row.devices[0].bundle:
                row.devices.append(device)
            else:
                row.findings.append(of_an_earlier_bundle(device.name))
    return row


def of_an_earlier_bundle(device: str) -> Finding:
    """Return what is said of a device whose figures are not of the bundle as it is now."""
    what = f"{device}: what was measured there is of an earlier bundle, and is not shown"
    return Finding(severity="warning", what=what, remedy="measure it again: edgeforge deploy NAME --host HOST")
