"""What config.toml may hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError

from monitor.scene import Sensor

Environ = Mapping[str, str]

ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
"""A plain mail address, ASCII only: no display name, nothing that could end a header line."""

_VARIABLE_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
_REFERENCE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?::-([^}]*))?\})", re.ASCII)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_HOST = re.compile(r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*")
EARTH_SEARCH = "https://earth-search.aws.element84.com/v1"
PLANETARY_COMPUTER = "https://planetarycomputer.microsoft.com/api/stac/v1"
KNOWN_COLLECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    # collection 1 states its offsets truly; the other is for the years that are missing from it
    EARTH_SEARCH: ("sentinel-2-c1-l2a", "sentinel-2-l2a"),
    PLANETARY_COMPUTER: ("sentinel-2-l2a",),
}
"""What is asked for where config.toml names no collections, in order of preference."""

KNOWN_HOSTS: Final[Mapping[str, tuple[str, ...]]] = {
    EARTH_SEARCH: (
        "e84-earth-search-sentinel-data.s3.us-west-2.amazonaws.com",
        "sentinel-cogs.s3.us-west-2.amazonaws.com",
    ),
    PLANETARY_COMPUTER: ("*.blob.core.windows.net",),
}
"""Where the pixels of these catalogues lie."""


class Security(StrEnum):
    """How the connection to the mail server is protected."""

    STARTTLS = "starttls"
    """Starts in the clear and must be encrypted before anything is said; port 587."""

    TLS = "tls"
    """Encrypted from the first byte; port 465."""

    NONE = "none"
    """For a server on this machine."""


def expand(text: str, environ: Environ) -> str:
    """The text with `$NAME`, `${NAME}` and `${NAME:-default}` replaced, and a leading `~/` by the home folder.

    As in a shell, the default also stands in for a variable that is set and empty.

    Raises:
        ValueError: a variable is not set and has no default; names it.
    """

    def value(match: re.Match[str]) -> str:
        name, default = match[1] or match[2], match[3]
        found = environ.get(name)
        if default is not None:
            return found or default
        if found is None:
            raise ValueError(f"the environment variable {name} is not set; set it, or write ${{{name}:-default}}")
        return found

    return _REFERENCE.sub(value, "$HOME" + text[1:] if text.startswith("~/") else text)


def _fail(problem: str, **context: Any) -> PydanticCustomError:
    return PydanticCustomError("quaywatch", "{problem}", {"problem": problem, **context})


def _folder(value: object, info: ValidationInfo) -> object:
    """Text from the file becomes an absolute path; a Path (from code) stays as it is."""
    if not isinstance(value, str) or not info.context:
        return value
    try:
        text = expand(value, info.context["environ"])
    except ValueError as error:
        raise _fail(str(error)) from error
    if not text.strip() or "\0" in text:
        raise _fail("should be the path of a folder")
    return info.context["root"] / text


def _kind(value: object) -> str | None:
    """Which table a source is. Without a kind it is a folder; an unknown kind is told as such."""
    if isinstance(value, dict):
        return str(value.get("kind", "folder"))
    return getattr(value, "kind", None)


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise _fail("should be an address such as https://stac.example.org/v1, without a login, '?' or '#'")
    return value.rstrip("/")


def _calendar(value: str) -> str:
    try:
        parts, _ = urlsplit(_url(value)), urlsplit(value).port
    except ValueError as error:
        raise _fail("should be an address such as https://calendar.example.org") from error
    if any(not "!" <= c <= "~" or c == "\\" for c in value):
        raise _fail("should be an address such as https://calendar.example.org, in ASCII and without spaces")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise _fail("plain http is for a calendar on this machine; write https://")
    return value.rstrip("/")


def _host(value: str) -> str:
    if not _HOST.fullmatch(value.lower()):
        raise _fail('should be the name of a host, such as "data.example.org", or "*.example.org" for all below it')
    return value.lower()


def _address(value: str) -> str:
    if not ADDRESS.fullmatch(value):
        raise _fail("should be a plain mail address such as desk@example.org")
    return value


def _variable(value: str) -> str:
    # The value is not repeated: people do write the password itself here.
    if value and not _VARIABLE_NAME.fullmatch(value):
        raise _fail("should be the NAME of an environment variable (capital letters, digits, _), never the value")
    return value


def _once(values: tuple[str, ...]) -> tuple[str, ...]:
    """Each recipient once, whatever the capitals: nobody gets a mail twice."""
    seen: dict[str, str] = {}
    for value in values:
        seen.setdefault(value.lower(), value)
    return tuple(seen.values())


Address = Annotated[str, AfterValidator(_address)]
VariableName = Annotated[str, AfterValidator(_variable)]
SensorName = Annotated[Sensor, Field(strict=False)]
Url = Annotated[str, AfterValidator(_url)]
Host = Annotated[str, AfterValidator(_host)]
CalendarUrl = Annotated[str, AfterValidator(_calendar)]


class _Table(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class FolderSource(_Table):
    """GeoTIFFs described by a STAC ItemCollection, `items.json`."""

    kind: Literal["folder"] = "folder"
    path: Annotated[Path, Field(strict=False), BeforeValidator(_folder)]
    """Absolute once read from a file: relative paths count from the workspace."""


class Signing(StrEnum):
    """What an address needs before it may be read."""

    NONE = "none"
    PLANETARY_COMPUTER = "planetary_computer"
    """A token of the catalogue's own token service."""


class StacSource(_Table):
    """A STAC API with cloud-optimised GeoTIFFs. Without any key: Earth Search, which needs no account."""

    kind: Literal["stac"]
    url: Url = EARTH_SEARCH
    collections: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """In order of preference; empty: what is known of the address."""

    hosts: Annotated[tuple[Host, ...], Field(strict=False)] = ()
    """Where pixels may be read from; empty: what is known of the address, else its own host."""

    private_addresses: bool = False
    """True: the catalogue and its files may lie in a private network, and may be plain http."""

    signing: Annotated[Signing, Field(strict=False)] = Signing.NONE
    token_url: Annotated[str, AfterValidator(lambda v: v and _url(v))] = ""
    """Address of the token service; empty: Planetary Computer's."""

    key_env: VariableName = ""
    """Name of the environment variable with a subscription key; empty: none."""

    @model_validator(mode="after")
    def _complete(self) -> StacSource:
        if not self.wanted:
            raise _fail("'collections' is missing: which of the catalogue are wanted?", key="url")
        if urlsplit(self.url).scheme == "http" and not self.private_addresses:
            raise _fail("plain http needs private_addresses = true", key="url")
        return self

    @property
    def wanted(self) -> tuple[str, ...]:
        """Collections, in order of preference."""
        return self.collections or KNOWN_COLLECTIONS.get(self.url, ())

    @property
    def allowed(self) -> tuple[str, ...]:
        """Hosts that pixels may be read from."""
        return self.hosts or KNOWN_HOSTS.get(self.url) or (str(urlsplit(self.url).hostname),)

    @property
    def name(self) -> str:
        """Kept with each scene: the address, not the place in the file."""
        return "stac:" + self.url.partition("://")[2]


class Service(StrEnum):
    """A deployment of Sentinel Hub."""

    COPERNICUS = "copernicus"
    """Copernicus Data Space."""

    COMMERCIAL = "commercial"


class Discovery(StrEnum):
    """Where Sentinel Hub's scenes are looked up."""

    STAC = "stac"
    """The open STAC catalogue of Copernicus Data Space: costs no request of the account."""

    CATALOG = "catalog"
    """Sentinel Hub's own: counts against the account."""


class SentinelHubSource(_Table):
    """Sentinel Hub's Process API, with an account whose login stands in environment variables."""

    kind: Literal["sentinel_hub"]
    service: Annotated[Service, Field(strict=False)] = Service.COPERNICUS
    sensors: Annotated[tuple[SensorName, ...], Field(strict=False, min_length=1)] = tuple(Sensor)
    discovery: Annotated[Discovery, Field(strict=False)] = Discovery.STAC
    client_id_env: Annotated[VariableName, Field(min_length=1)] = "SH_CLIENT_ID"
    client_secret_env: Annotated[VariableName, Field(min_length=1)] = "SH_CLIENT_SECRET"  # noqa: S105 - the name of a variable
    units_per_month: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 9_000.0
    """Processing units that may be spent in a calendar month; free accounts have 10,000."""

    requests_per_month: Annotated[int, Field(ge=0)] = 9_000
    base_url: Annotated[str, AfterValidator(lambda v: v and _url(v))] = ""
    """Another address of the service; with it go token_url and, for discovery = "stac", discovery_url."""

    token_url: Annotated[str, AfterValidator(lambda v: v and _url(v))] = ""
    discovery_url: Annotated[str, AfterValidator(lambda v: v and _url(v))] = ""

    @model_validator(mode="after")
    def _complete(self) -> SentinelHubSource:
        if bool(self.base_url) != bool(self.token_url):
            raise _fail("'base_url' and 'token_url' belong together: set both, or neither")
        return self

    @property
    def name(self) -> str:
        """Kept with each scene and each unit spent."""
        return "sentinel_hub:" + (self.base_url.partition("://")[2] or self.service)


Source = Annotated[
    Annotated[FolderSource, Tag("folder")]
    | Annotated[StacSource, Tag("stac")]
    | Annotated[SentinelHubSource, Tag("sentinel_hub")],
    Discriminator(_kind),
]


class Archive(_Table):
    """The pixels of the looks used: kept, so that nothing has to be fetched twice and evidence stands."""

    keep_days: Annotated[int, Field(ge=0, le=36_600)] = 0
    """Looks older than this are dropped, evidence never; 0: kept for ever."""

    budget_gb: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 20.0
    """Disk space; the oldest looks are dropped first, evidence never; 0: no limit."""


class Schedule(_Table):
    """When the daemon looks."""

    every_hours: Annotated[float, Field(ge=0.1, le=24 * 365, allow_inf_nan=False)] = 6.0
    look_back_days: Annotated[int, Field(ge=1, le=3660)] = 30
    """Scenes arrive late: each poll searches this far back again."""


class Alerts(_Table):
    """How much evidence a change needs, and which are told."""

    false_alarms_per_aoi_year: Annotated[float, Field(gt=0, le=365, allow_inf_nan=False)] = 1.0
    false_alarms_per_year: Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)] = 0.0
    """Of all AOIs together, shared among them; 0: as many as they have of their own."""

    tell_for_days: Annotated[int, Field(ge=1, le=3660)] = 45
    """A change older than this is recorded and logged, but not mailed (a back-fill mails no ancient history)."""

    def budget(self, aois: int) -> float:
        """False alarms a year of each of so many AOIs."""
        own, shared = self.false_alarms_per_aoi_year, self.false_alarms_per_year / max(aois, 1)
        return min(own, shared) if shared else own


class Mail(_Table):
    """To whom changes are told, and how. Nobody, by default."""

    to: Annotated[tuple[Address, ...], Field(strict=False), AfterValidator(_once)] = ()
    sender: Address = "quaywatch@localhost"
    host: str = ""
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Annotated[Security, Field(strict=False)] = Security.STARTTLS
    username_env: VariableName = ""
    """Name of the environment variable that holds the user name; empty: no login."""

    password_env: VariableName = ""
    timeout_s: Annotated[float, Field(gt=0, le=600, allow_inf_nan=False)] = 30.0
    outbox: str = ""
    """A folder for .eml files, used instead of a mail server; relative to the workspace."""

    @model_validator(mode="after")
    def _consistent(self) -> Mail:
        if self.to and not (self.host or self.outbox):
            raise _fail("'to' names recipients, but neither 'host' nor 'outbox' says how to reach them", key="to")
        if bool(self.username_env) != bool(self.password_env):
            raise _fail("'username_env' and 'password_env' belong together: set both, or neither")
        if self.username_env and self.security is Security.NONE and self.host not in _LOOPBACK:
            raise _fail('security = "none" would send the password in the clear; use starttls or tls', key="security")
        return self


class Log(_Table):
    """The log of alerts: who else is to vouch that it is not younger than it says. Nobody, by default."""

    timestamps: Annotated[tuple[CalendarUrl, ...], Field(strict=False, max_length=16), AfterValidator(_once)] = ()
    """Calendars of OpenTimestamps that the hash of each day's head is sent to; the log itself never is."""


class Config(_Table):
    """All of config.toml. Holds names of secrets, never secrets."""

    sources: Annotated[tuple[Source, ...], Field(strict=False)] = ()
    """In order: the next one is asked when one fails, or has not what was expected."""

    archive: Archive = Archive()
    schedule: Schedule = Schedule()
    alerts: Alerts = Alerts()
    mail: Mail = Mail()
    log: Log = Log()
    state: Annotated[str, Field(min_length=1)] = "var"
    """Folder of the database and the lock, relative to the workspace."""


TABLES: Final[Mapping[str, tuple[type[_Table], ...]]] = {
    "": (Config,),
    "sources": (FolderSource, StacSource, SentinelHubSource),
    "archive": (Archive,),
    "schedule": (Schedule,),
    "alerts": (Alerts,),
    "mail": (Mail,),
    "log": (Log,),
}
"""The tables of config.toml; "" is the top of the file. A source is one of three."""
