"""Evalscripts, truly executed: QuickJS runs `setup()` and `evaluatePixel()` for every pixel.

Pixels go in and out as base64 of doubles, and one loop inside the engine does the rest: crossing the border for each
pixel would be a hundred times slower. No time limit is set on the engine: with one it would hold Python's lock.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import quickjs  # type: ignore[import-untyped]
from numpy.typing import NDArray


class SampleType(StrEnum):
    """What an output is written as."""

    AUTO = "AUTO"
    INT8 = "INT8"
    UINT8 = "UINT8"
    INT16 = "INT16"
    UINT16 = "UINT16"
    FLOAT32 = "FLOAT32"

    @property
    def dtype(self) -> str:
        """numpy's name of it."""
        return "uint8" if self is SampleType.AUTO else self.lower()


class ScriptError(Exception):
    """The script cannot be used: RENDERER_EXCEPTION."""


@dataclass(frozen=True, kw_only=True)
class Band:
    """One input of a script."""

    name: str
    unit: str
    """In capitals; empty: the band's default."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """One image that a script makes."""

    id: str
    bands: int
    sample_type: SampleType
    nodata: float | None


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What `setup()` said."""

    inputs: Sequence[Band]
    outputs: Sequence[Output]


LOOP = """(function () {
  %(decode)s
  const n = %(n)d, metadata = {normalizationFactor: 0.0001, serviceVersion: "stand-in"}, output = {userData: undefined};
  const scenes = {}, custom = {};
  %(allocate)s
  for (let i = 0; i < n; i++) {
    const r = evaluatePixel({%(sample)s}, scenes, metadata, custom, output);
    %(store)s
  }
  if (typeof updateOutputMetadata === "function") updateOutputMetadata({}, metadata, output);
  globalThis.__results = {%(results)s};
  globalThis.__user = output.userData === undefined ? "" : JSON.stringify(output.userData);
})()"""

REFUSE = """function __refuse(value, id, bands) {
  if (!Array.isArray(value)) throw new Error("evaluatePixel returned no array for output " + id);
  throw new Error("output " + id + " has " + bands + " bands, evaluatePixel returned " + value.length);
}"""


class Script:
    """One evalscript in an engine of its own. Use it in the thread that made it.

    Raises:
        ScriptError: it has a fault, or asks for what the stand-in does not serve.
    """

    def __init__(self, text: str) -> None:
        if not text.lstrip().startswith("//VERSION=3"):
            raise ScriptError("the script does not begin with //VERSION=3")
        self._engine = quickjs.Context()
        self._engine.set_memory_limit(2**31 - 1)
        self._run(text)
        self._run(REFUSE)
        self.setup = _setup(json.loads(self._run("JSON.stringify(setup())") or "null"))
        self.user_data = ""

    def evaluate(self, bands: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
        """By output id an array of shape (pixels, bands), not yet converted. `bands`: by name, all of one size."""
        size = next(iter(bands.values())).size
        for index, band in enumerate(self.setup.inputs):
            values = np.ascontiguousarray(bands[band.name], np.float64)
            self._engine.set(f"__in{index}", base64.b64encode(values.tobytes()).decode())
        self._run(self._loop(size))
        results = {}
        for index, output in enumerate(self.setup.outputs):
            text = self._run(f"new Uint8Array(__results.o{index}.buffer).toBase64()")
            results[output.id] = np.frombuffer(base64.b64decode(text)).reshape(size, output.bands)
        self.user_data = self._run("__user")
        return results

    def _loop(self, size: int) -> str:
        inputs, outputs = self.setup.inputs, self.setup.outputs
        store = []
        for index, output in enumerate(outputs):
            name, count = json.dumps(output.id), output.bands
            value = f"r.length === undefined ? r[{name}] : r" if len(outputs) == 1 else f"r[{name}]"
            store.append(f"{{ const v = {value};")
            store.append(f"if (!v || v.length !== {count}) __refuse(v, {name}, {count});")
            store += [f"o{index}[i * {count} + {band}] = v[{band}];" for band in range(count)]
            store.append("}")
        return LOOP % {
            "decode": "\n".join(
                f"const b{index} = new Float64Array(Uint8Array.fromBase64(__in{index}).buffer); __in{index} = null;"
                for index in range(len(inputs))
            ),
            "n": size,
            "allocate": "\n".join(
                f"const o{index} = new Float64Array(n * {output.bands});" for index, output in enumerate(outputs)
            ),
            "sample": ", ".join(f"{json.dumps(band.name)}: b{index}[i]" for index, band in enumerate(inputs)),
            "store": "\n".join(store),
            "results": ", ".join(f"o{index}" for index in range(len(outputs))),
        }

    def _run(self, code: str) -> Any:
        try:
            return self._engine.eval(code)
        except quickjs.JSException as error:
            raise ScriptError(str(error).strip()) from error


def _setup(said: Any) -> Setup:
    if not isinstance(said, dict) or "input" not in said or "output" not in said:
        raise ScriptError("setup() must return an object with input and output")
    if said.get("mosaicking", "SIMPLE") != "SIMPLE":
        raise ScriptError(f"the stand-in serves mosaicking SIMPLE alone, not {said['mosaicking']}")
    outputs = said["output"] if isinstance(said["output"], list) else [said["output"]]
    return Setup(inputs=tuple(_inputs(said["input"])), outputs=tuple(_output(one) for one in outputs))


def _inputs(said: Any) -> list[Band]:
    """`["VV", "VH"]` or `[{bands: ["VV"], units: "DN" | ["DN"]}]`."""
    if not isinstance(said, list) or not said:
        raise ScriptError("setup().input must be a list")
    if all(isinstance(name, str) for name in said):
        return [Band(name=name, unit="") for name in said]
    if len(said) != 1 or not isinstance(said[0], dict):
        raise ScriptError("the stand-in serves one input, not a fusion of several")
    names, units = said[0].get("bands", []), said[0].get("units", "")
    if isinstance(units, str):
        units = [units] * len(names)
    if len(units) != len(names):
        raise ScriptError(f"{len(units)} units for {len(names)} bands")
    return [Band(name=name, unit=unit.upper()) for name, unit in zip(names, units, strict=True)]


def _output(said: Any) -> Output:
    if not isinstance(said, dict) or not isinstance(said.get("bands"), int):
        raise ScriptError("an output of setup() needs a number of bands")
    kind = said.get("sampleType", "AUTO")
    if kind not in list(SampleType):
        raise ScriptError(f"sampleType {kind} is not known")
    return Output(
        id=said.get("id", "default"),
        bands=said["bands"],
        sample_type=SampleType(kind),
        nodata=said.get("nodataValue"),
    )


def converted(values: NDArray[np.float64], kind: SampleType) -> NDArray[Any]:
    """As the service writes them: whole numbers are rounded and clamped; AUTO stretches [0, 1] to [0, 255]."""
    if kind is SampleType.FLOAT32:
        with np.errstate(over="ignore"):
            return values.astype(np.float32)
    limits = np.iinfo(kind.dtype)
    scaled = values * 255 if kind is SampleType.AUTO else values
    whole = np.clip(np.floor(np.nan_to_num(scaled, nan=0.0) + 0.5), limits.min, limits.max)
    return whole.astype(kind.dtype)
