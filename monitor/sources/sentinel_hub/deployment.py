"""Where a Sentinel Hub service runs, who asks, and how long is waited. Values only: nothing here opens a connection."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from monitor.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One running service."""

    name: str
    base_url: str
    """Without a slash at the end."""

    token_url: str
    stac_url: str
    """A public STAC API that lists the same scenes."""

    def __post_init__(self) -> None:
        for url in (self.base_url, self.token_url, self.stac_url):
            parts = urlsplit(url)
            if parts.username or parts.password:
                raise ConfigError(f"{self.name}: an address holds a user name or a password", "Take it out.")
            if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname or "")):
                raise ConfigError(f"{self.name}: {url} is no https address", "Credentials travel encrypted only.")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_STAC: Final = "https://stac.dataspace.copernicus.eu/v1"

COPERNICUS: Final = Deployment(
    name="Copernicus Data Space",
    base_url="https://sh.dataspace.copernicus.eu",
    token_url="https://identity.dataspace.copernicus.eu/auth/realms/CDSE/protocol/openid-connect/token",  # noqa: S106
    stac_url=_STAC,
)
COMMERCIAL: Final = Deployment(
    name="Sentinel Hub",
    base_url="https://services.sentinel-hub.com",
    token_url="https://services.sentinel-hub.com/auth/realms/main/protocol/openid-connect/token",  # noqa: S106
    stac_url=_STAC,
)


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """An OAuth client. Neither value shows in a repr."""

    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    origin: str = "the credentials"
    """Where they came from, for messages: "the environment variables CDSE_ID and CDSE_SECRET". Never the values."""

    def scrubbed(self, text: str) -> str:
        """The text with both values struck out, should a service echo them."""
        for value in (self.client_secret, self.client_id):
            if value:
                text = text.replace(value, "***")
        return text


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How often and how long a call is tried before it counts as failed."""

    attempts: int = 4
    """Tries after 5xx answers, lost connections and time-outs."""

    pause_s: float = 2.0
    """Before the second try; each further pause is three times as long."""

    limited: int = 5
    """Answers 429 to one call before it is given up."""

    wait_s: float = 5.0
    """After a 429 that does not say, or not readably, how long to wait."""

    gap_s: float = 0.2
    """Between two requests, all threads together: 300 a minute is the limit of Copernicus Data Space."""

    timeout_s: float = 120.0
    """Without a byte from the service."""

    deadline_s: float = 600.0
    """For one call with all its tries. Whatever the library then still does is not waited for."""


USUAL: Final = Patience()
