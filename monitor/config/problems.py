"""What pydantic finds wrong in config.toml, in words that say what to do."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator

from pydantic_core import ErrorDetails

from monitor.config.tables import TABLES

_SECRET_KEY = re.compile(r"pass|secret|token|credential|user|login|key", re.IGNORECASE)

_SHOWN = 60
"""Longest value repeated in a message, characters."""


def path_of(error: ErrorDetails) -> tuple[str | int, ...]:
    """Where the problem is; a check of a whole table may name the key it means."""
    key = error.get("ctx", {}).get("key")
    return (*error["loc"], key) if key else error["loc"]


def in_words(error: ErrorDetails) -> str:
    """One problem in words, with what to do about it."""
    name = _dotted(error["loc"])
    if error["type"] == "extra_forbidden":
        return f"unknown key {name!r}{_advice(error['loc'])}"
    if error["type"] == "missing":
        return f"the key {name!r} is missing"
    if error["type"] == "quaywatch":
        return f"{name}: {error['msg']}"
    return f"{name}{_shown(error)}: {_plainly(error)}"


def _dotted(path: Iterable[str | int]) -> str:
    """sources[0].path."""
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".")


def _plainly(error: ErrorDetails) -> str:
    """What pydantic says, in the words of TOML."""
    if error["loc"] == ("sources",):
        return "should be a list of tables: write [[sources]], with two brackets"
    if error["type"] == "tuple_type":
        return 'should be a list, such as ["desk@example.org"]'
    if error["type"] in {"model_type", "model_attributes_type"}:
        return f"should be a table: write [{_dotted(error['loc'])}]"
    return error["msg"].replace("Input should be", "should be")


def _shown(error: ErrorDetails) -> str:
    """The value, if it is short and can be no secret."""
    value = error["input"]
    if not isinstance(value, str | int | float) or any(_SECRET_KEY.search(str(p)) for p in error["loc"]):
        return ""
    text = json.dumps(value, ensure_ascii=False)
    return f" = {text}" if len(text) <= _SHOWN else ""


def _advice(path: tuple[str | int, ...]) -> str:
    """What was probably meant."""
    key = str(path[-1])
    table = str(path[0]) if len(path) > 1 else ""
    secret = {"password": "password_env", "passwd": "password_env", "username": "username_env", "user": "username_env"}
    if key in secret:
        return f"; put it in an environment variable and write that variable's name in '{secret[key]}'"
    near = difflib.get_close_matches(key, list(_keys(table)), n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    for other in TABLES:
        if key in _keys(other):
            return f"; it belongs in [{other}]" if other else "; it belongs at the top of the file"
    return f"; known here: {', '.join(sorted(_keys(table)))}"


def _keys(table: str) -> Iterator[str]:
    yield from TABLES[table].model_fields if table in TABLES else ()
