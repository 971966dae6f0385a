"""A stand-in for a Sentinel Hub deployment, for sentinelhub-py unmodified: login, Catalog 1.0.0 and Process.

Requests are held against the service's published OpenAPI document, evalscripts are executed, pixels come from a `World`
that the test knows. See `server` for how it is used.
"""

from servers.sentinel_hub.faults import (
    Fault,
    Trouble,
    empty_request,
    forbidden,
    process_error,
    quota,
    status,
    too_many,
)
from servers.sentinel_hub.imagery import truth
from servers.sentinel_hub.server import Recorded, SentinelHub, serve
from servers.sentinel_hub.world import (
    Collection,
    Pixels,
    Raster,
    SceneRecord,
    SyntheticWorld,
    World,
    sentinel1,
    sentinel2,
)

__all__ = [
    "Collection",
    "Fault",
    "Pixels",
    "Raster",
    "Recorded",
    "SceneRecord",
    "SentinelHub",
    "SyntheticWorld",
    "Trouble",
    "World",
    "empty_request",
    "forbidden",
    "process_error",
    "quota",
    "sentinel1",
    "sentinel2",
    "serve",
    "status",
    "too_many",
    "truth",
]
