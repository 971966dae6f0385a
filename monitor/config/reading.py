"""Reads config.toml, and a login from the environment."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from monitor.config.problems import in_words, path_of
from monitor.config.tables import Config, Environ, Mail
from monitor.errors import ConfigError
from monitor.toml_lines import locate


def read_config(path: Path, environ: Environ) -> Config:
    """The configuration in a file, with environment variables in paths filled in.

    Raises:
        ConfigError: every problem of the file, one a line: "config.toml:7: unknown key ...".
    """
    text = _text(path)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _refusal(path, [(_syntax_line(text, error), _syntax_problem(error))]) from error
    context = {"environ": environ, "root": path.absolute().parent}
    try:
        return Config.model_validate(data, context=context)
    except ValidationError as error:
        found = [(locate(text, path_of(e)), in_words(e)) for e in error.errors(include_url=False)]
    # Outside of the handler: what pydantic says repeats the input, which may be a secret.
    raise _refusal(path, found)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path.name}: not UTF-8 text (byte {error.start})", f"Save {path} as UTF-8.") from error
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", "Make a workspace: quaywatch init DIR") from error


def _refusal(path: Path, found: Iterable[tuple[int, str]]) -> ConfigError:
    lines = [f"{path.name}:{line}: {problem}" for line, problem in sorted(found)]
    return ConfigError("\n".join(lines), f"Correct {path}.")


def _syntax_line(text: str, error: tomllib.TOMLDecodeError) -> int:
    stated = re.search(r"at line (\d+)", str(error))
    return int(stated[1]) if stated else text.rstrip("\n").count("\n") + 1


def _syntax_problem(error: tomllib.TOMLDecodeError) -> str:
    return "not TOML: " + re.sub(r" \(at (?:line \d+, (column \d+)|end of document)\)", _column, str(error))


def _column(match: re.Match[str]) -> str:
    return f" ({match[1]})" if match[1] else " (at the end of the file)"


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """A login. Never shown: `repr` leaves both parts out."""

    username: str = field(repr=False)
    password: str = field(repr=False)


def credentials(mail: Mail, environ: Environ) -> Credentials | None:
    """The login of the mail server, from the variables that [mail] names; None: it needs none.

    Raises:
        ConfigError: a variable is not set or empty; names the variable, never a value.
    """
    if not mail.username_env:
        return None
    named = {"username_env": mail.username_env, "password_env": mail.password_env}
    missing = [f"{name} (mail.{key})" for key, name in named.items() if not environ.get(name)]
    if missing:
        raise ConfigError(
            f"the login of the mail server is not set: {', '.join(missing)}",
            "Set the environment variable where quaywatch starts (systemd: EnvironmentFile=), or clear both keys.",
        )
    return Credentials(username=environ[mail.username_env], password=environ[mail.password_env])


def secret(variable: str, key: str, environ: Environ) -> str:
    """The value of an environment variable that config.toml names under `key`; "" if it names none.

    Raises:
        ConfigError: it is not set or empty; names the variable, never a value.
    """
    if variable and not environ.get(variable):
        raise ConfigError(
            f"the environment variable {variable} ({key}) is not set",
            "Set it where quaywatch starts (systemd: EnvironmentFile=), or take the source out of config.toml.",
        )
    return environ[variable] if variable else ""
