"""What config.toml may hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

Environ = Mapping[str, str]

ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
"""A plain mail address, ASCII only: no display name, nothing that could end a header line."""

_VARIABLE_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
_REFERENCE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?::-([^}]*))?\})", re.ASCII)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

PLANNED = frozenset({"stac", "sentinel_hub"})
"""Kinds of source that the design has and this version has not."""


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


def _readable_kind(value: object) -> object:
    """A kind of a later version is told as such; its other keys are then no further problems."""
    if isinstance(value, dict) and isinstance(value.get("kind"), str) and value["kind"] in PLANNED:
        raise _fail(
            f"kind {value['kind']!r} is planned, and not in this version; "
            'use kind = "folder" on a folder of GeoTIFFs with items.json',
            key="kind",
        )
    return value


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


class _Table(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class FolderSource(_Table):
    """GeoTIFFs described by a STAC ItemCollection, `items.json`."""

    kind: Literal["folder"] = "folder"
    path: Annotated[Path, Field(strict=False), BeforeValidator(_folder)]
    """Absolute once read from a file: relative paths count from the workspace."""


class Schedule(_Table):
    """When the daemon looks."""

    every_hours: Annotated[float, Field(ge=0.1, le=24 * 365, allow_inf_nan=False)] = 6.0
    look_back_days: Annotated[int, Field(ge=1, le=3660)] = 30
    """Scenes arrive late: each poll searches this far back again."""


class Alerts(_Table):
    """How much evidence a change needs, and which are told."""

    false_alarms_per_aoi_year: Annotated[float, Field(gt=0, le=365, allow_inf_nan=False)] = 1.0
    tell_for_days: Annotated[int, Field(ge=1, le=3660)] = 45
    """A change older than this is recorded and logged, but not mailed (a back-fill mails no ancient history)."""


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


class Config(_Table):
    """All of config.toml. Holds names of secrets, never secrets."""

    sources: Annotated[tuple[Annotated[FolderSource, BeforeValidator(_readable_kind)], ...], Field(strict=False)] = ()
    """In order: the next one is asked when one fails."""

    schedule: Schedule = Schedule()
    alerts: Alerts = Alerts()
    mail: Mail = Mail()
    state: Annotated[str, Field(min_length=1)] = "var"
    """Folder of the database and the lock, relative to the workspace."""


TABLES: Final[Mapping[str, type[_Table]]] = {
    "": Config,
    "sources": FolderSource,
    "schedule": Schedule,
    "alerts": Alerts,
    "mail": Mail,
}
"""The tables of config.toml; "" is the top of the file."""
