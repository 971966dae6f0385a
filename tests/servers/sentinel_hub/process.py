"""A Process request from its checked body to the bytes of the answer."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.transform import Affine

from servers.sentinel_hub import imagery
from servers.sentinel_hub.evalscript import Output, Script, ScriptError, converted
from servers.sentinel_hub.imagery import Ground, Options
from servers.sentinel_hub.units import spent
from servers.sentinel_hub.world import Collection, SceneRecord, World

LARGEST_SIDE = 2500
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
TIFF, JSON, TAR = "image/tiff", "application/json", "application/x-tar"

CONDITIONS = {
    "acquisitionMode": "mode",
    "polarization": "polarisation",
    "resolution": "resolution",
    "orbitDirection": "direction",
    "timeliness": "timeliness",
}
"""Key of `dataFilter` -> attribute of `SceneRecord`."""


class PayloadError(Exception):
    """COMMON_BAD_PAYLOAD: `parameter` as the service writes it, and what is wrong with it."""

    def __init__(self, parameter: str, violation: str) -> None:
        super().__init__(violation)
        self.parameter = parameter


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a good request brings."""

    content: bytes
    media_type: str
    scenes: tuple[str, ...]
    """Ids of the scenes in the mosaic."""


@dataclass(frozen=True, kw_only=True)
class Alteration:
    """How a fault spoils an image."""

    shrunk: bool = False
    """True: the image has half as many rows and columns as asked for."""

    blank: bool = False
    """True: no scene covers anything."""


def sides(body: Mapping[str, Any]) -> tuple[int, int]:
    """(width, height) asked for.

    Raises:
        PayloadError: contradictory, or larger than the service makes.
    """
    output = body.get("output", {})
    by_size, by_step = output.keys() & {"width", "height"}, output.keys() & {"resx", "resy"}
    if by_size and by_step:
        raise PayloadError("output", "width/height and resx/resy exclude each other.")
    west, south, east, north = _bbox(body)
    result = []
    for side, step, metres in (("width", "resx", east - west), ("height", "resy", north - south)):
        size = round(metres / output[step]) if step in output else output.get(side, 256)
        if size > LARGEST_SIDE:
            how = f", calculated from {step}," if step in output else ""
            violation = f"`{side} = {size}`{how} is larger than allowed {LARGEST_SIDE}."
            raise PayloadError(f"output->{step if step in output else side}", violation)
        result.append(max(1, size))
    return result[0], result[1]


def _bbox(body: Mapping[str, Any]) -> tuple[float, float, float, float]:
    bounds = body["input"]["bounds"]
    if "geometry" in bounds or "bbox" not in bounds:
        raise PayloadError("input->bounds", "the stand-in takes a bbox alone.")
    west, south, east, north = bounds["bbox"]
    if west >= east or south >= north:
        raise PayloadError("input->bounds->bbox", "must be minx, miny, maxx, maxy.")
    return west, south, east, north


def _epsg(body: Mapping[str, Any]) -> int:
    name = body["input"]["bounds"].get("properties", {}).get("crs", CRS84)
    if name == CRS84:
        return 4326
    code = name.removeprefix("http://www.opengis.net/def/crs/EPSG/0/")
    if not code.isdigit():
        raise PayloadError("input->bounds->properties->crs", f"{name} is not known.")
    return int(code)


class Request:
    """A checked request: its script is loaded, its units are known, nothing is computed yet.

    Raises:
        PayloadError, ScriptError: it cannot be answered.
    """

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.width, self.height = sides(body)
        self.ground = _ground(body, self.width, self.height)
        self.options = _options(body)
        self.responses = _responses(body)
        self.script = Script(body["evalscript"])
        imagery.check(self.script.setup.inputs, self.options)
        made = [output.id for output in self.script.setup.outputs]
        for identifier, media_type in self.responses:
            if media_type == TIFF and identifier not in made:
                raise ScriptError(f"setup() has no output {identifier}")
        self.units = spent(self.script.setup, self.width, self.height, self.options.processing)

    def answer(
        self, world: World, scenes: Sequence[SceneRecord], accept: str, alteration: Alteration = Alteration()
    ) -> Answer:
        """The bytes.

        Raises:
            ScriptError: `evaluatePixel` failed.
        """
        chosen = [] if alteration.blank else imagery.selected(scenes, self.options)
        ground = _half(self.ground) if alteration.shrunk else self.ground
        inputs = self.script.setup.inputs
        mosaic = imagery.mosaic(world, chosen, inputs, ground, self.options)
        values = self.script.evaluate({band.name: mosaic[band.name].ravel() for band in inputs})
        outputs = {output.id: output for output in self.script.setup.outputs}
        files = [
            (f"{identifier}.tif", _tiff(values[identifier], outputs[identifier], ground))
            if media_type == TIFF
            else (f"{identifier}.json", (self.script.user_data or "null").encode())
            for identifier, media_type in self.responses
        ]
        ids = tuple(scene.id for scene in chosen if imagery.footprint_mask(scene.footprint, ground).any())
        if len(files) == 1 and "tar" not in accept:
            return Answer(content=files[0][1], media_type=self.responses[0][1], scenes=ids)
        return Answer(content=_tar(files), media_type=TAR, scenes=ids)


def _ground(body: Mapping[str, Any], width: int, height: int) -> Ground:
    west, south, east, north = _bbox(body)
    return Ground(
        epsg=_epsg(body),
        left=west,
        top=north,
        step_x=(east - west) / width,
        step_y=(north - south) / height,
        width=width,
        height=height,
    )


def _half(ground: Ground) -> Ground:
    return Ground(
        epsg=ground.epsg,
        left=ground.left,
        top=ground.top,
        step_x=ground.step_x * 2,
        step_y=ground.step_y * 2,
        width=max(1, ground.width // 2),
        height=max(1, ground.height // 2),
    )


def _options(body: Mapping[str, Any]) -> Options:
    if len(body["input"]["data"]) != 1:
        raise PayloadError("input->data", "the stand-in takes one collection at a time.")
    data = body["input"]["data"][0]
    if data["type"] not in list(Collection):
        raise PayloadError("input->data->0->type", f"the stand-in does not serve {data['type']}.")
    wanted = data.get("dataFilter", {})
    if not {"from", "to"} <= wanted.get("timeRange", {}).keys():
        raise PayloadError("input->data->0->dataFilter->timeRange", "must be given.")
    since, until = (datetime.fromisoformat(wanted["timeRange"][end]) for end in ("from", "to"))
    if since > until:
        raise PayloadError("input->data->0->dataFilter->timeRange", "from is later than to.")
    conditions = {CONDITIONS[key]: value for key, value in wanted.items() if key in CONDITIONS}
    if "direction" in conditions:
        conditions["direction"] = conditions["direction"].lower()
    return Options(
        collection=Collection(data["type"]),
        since=since,
        until=until,
        order=wanted.get("mosaickingOrder", "mostRecent"),
        conditions=conditions,
        cloudiest=wanted.get("maxCloudCoverage", 100),
        processing=data.get("processing", {}),
    )


def _responses(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(identifier, media type) of each."""
    responses = [
        (one.get("identifier", "default"), one["format"]["type"]) for one in body.get("output", {}).get("responses", [])
    ]
    for index, (identifier, media_type) in enumerate(responses):
        if media_type != (JSON if identifier == "userdata" else TIFF):
            raise PayloadError(f"output->responses->{index}->format", f"the stand-in makes no {media_type}.")
    if not responses:
        raise PayloadError("output->responses", "the stand-in wants to be told the formats.")
    return responses


def _tiff(values: NDArray[np.float64], output: Output, ground: Ground) -> bytes:
    """Georeferenced, deflated, interleaved by pixel as the client's decoder expects. `values`: (pixels, bands)."""
    pixels = converted(values, output.sample_type).reshape(ground.height, ground.width, output.bands)
    profile = {
        "driver": "GTiff",
        "width": ground.width,
        "height": ground.height,
        "count": output.bands,
        "dtype": pixels.dtype,
        "crs": f"EPSG:{ground.epsg}",
        "transform": Affine(*ground.transform),
        "nodata": output.nodata,
        "compress": "deflate",
        "zlevel": 1,
        "interleave": "pixel",
    }
    with rasterio.MemoryFile() as memory:
        with memory.open(**profile) as dataset:
            dataset.write(np.moveaxis(pixels, 2, 0))
        content: bytes = memory.read()
    return content


def _tar(files: Sequence[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
