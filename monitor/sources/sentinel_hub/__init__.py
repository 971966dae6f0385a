"""Sentinel Hub, on Copernicus Data Space or as the commercial service.

Importing this package does not load sentinelhub-py; the first search or read does.
"""

from monitor.config import Discovery
from monitor.sources.sentinel_hub.deployment import (
    COMMERCIAL,
    COPERNICUS,
    Credentials,
    Deployment,
    Patience,
)
from monitor.sources.sentinel_hub.source import SentinelHub

__all__ = ["COMMERCIAL", "COPERNICUS", "Credentials", "Deployment", "Discovery", "Patience", "SentinelHub"]
