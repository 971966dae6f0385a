"""The script that the service runs for each pixel: physical values become the DN of `monitor.coding`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from monitor.coding import (
    LARGEST,
    LOWEST_DB,
    LOWEST_REFLECTANCE,
    STEP_DB,
    STEP_REFLECTANCE,
    Coding,
    coding_of,
)
from monitor.scene import Sensor

UNITS = {Coding.POWER: "LINEAR_POWER", Coding.REFLECTANCE: "REFLECTANCE", Coding.CLASSES: "DN"}
"""What the service is asked to give the script, by what the script makes of it."""

SCRIPT = """//VERSION=3
function setup() {{
  return {{
    input: [{{ bands: {bands}, units: {units} }}],
    output: {{ id: "default", bands: {count}, sampleType: "UINT16" }},
    mosaicking: "SIMPLE"
  }};
}}
function level(steps, least) {{
  return isNaN(steps) ? 0 : Math.min({largest}, Math.max(least, Math.round(steps)));
}}
function power(value) {{
  return value <= 0 ? 1 : level((10 * Math.log10(value) - ({lowest_db!r})) / {step_db!r} + 1, 1);
}}
function reflectance(value) {{
  return level((value - ({lowest_reflectance!r})) / {step_reflectance!r} + 1, 1);
}}
function classes(value) {{
  return level(value, 0);
}}
function evaluatePixel(sample) {{
  return sample.dataMask ? [{values}] : [{nothing}];
}}
"""


def service_name(band: str) -> str:
    """The service's name of a band: VV, B8A, SCL."""
    return band.upper()


def evalscript(sensor: Sensor, bands: Sequence[str]) -> str:
    """One output of 16 bits with the bands in their order; DN 0 where the dataMask says that nothing was seen."""
    codings = [coding_of(sensor, band) for band in bands]
    return SCRIPT.format(
        bands=json.dumps([*map(service_name, bands), "dataMask"]),
        units=json.dumps([*(UNITS[coding] for coding in codings), "DN"]),
        count=len(bands),
        largest=LARGEST,
        lowest_db=LOWEST_DB,
        step_db=STEP_DB,
        lowest_reflectance=LOWEST_REFLECTANCE,
        step_reflectance=STEP_REFLECTANCE,
        values=", ".join(f"{c}(sample.{service_name(b)})" for b, c in zip(bands, codings, strict=True)),
        nothing=", ".join("0" for _ in bands),
    )
