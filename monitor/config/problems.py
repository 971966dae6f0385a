"""What pydantic finds wrong in config.toml, in words that say what to do."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator
from typing import get_args

from pydantic_core import ErrorDetails

from monitor.config.tables import TABLES

_SECRET_KEY = re.compile(r"pass|secret|token|credential|user|login|key", re.IGNORECASE)

_SHOWN = 60
"""Longest value repeated in a message, characters."""


def path_of(error: ErrorDetails) -> tuple[str | int, ...]:
    """Where the problem is; a check of a whole table may name the key it means."""
    key = "kind" if error["type"] == "union_tag_invalid" else error.get("ctx", {}).get("key")
    place = _place(error)
    return (*place, key) if key else place


def _place(error: ErrorDetails) -> tuple[str | int, ...]:
    """As in the file: pydantic puts the kind of a source between its number and its keys."""
    place = error["loc"]
    return (*place[:2], *place[3:]) if place[:1] == ("sources",) else place


def in_words(error: ErrorDetails) -> str:
    """One problem in words, with what to do about it."""
    name = _dotted(_place(error))
    if error["type"] == "extra_forbidden":
        return f"unknown key {name!r}{_advice(error)}"
    if error["type"] == "union_tag_invalid":
        return f"{name}.kind: should be {error['ctx']['expected_tags'].replace(', ', ' or ')}"
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
    if error["type"] in {"model_type", "model_attributes_type", "union_tag_not_found"}:
        place = _dotted(_place(error))
        return f"should be a table: write [{'[sources]' if place.startswith('sources') else place}]"
    return error["msg"].replace("Input should be", "should be")


def _shown(error: ErrorDetails) -> str:
    """The value, if it is short and can be no secret."""
    value = error["input"]
    if not isinstance(value, str | int | float) or any(_SECRET_KEY.search(str(p)) for p in error["loc"]):
        return ""
    text = json.dumps(value, ensure_ascii=False)
    return f" = {text}" if len(text) <= _SHOWN else ""


def _advice(error: ErrorDetails) -> str:
    """What was probably meant."""
    path = _place(error)
    key = str(path[-1])
    table = str(path[0]) if len(path) > 1 else ""
    secret = {
        "password": "password_env",
        "passwd": "password_env",
        "username": "username_env",
        "user": "username_env",
        "client_id": "client_id_env",
        "client_secret": "client_secret_env",
        "secret": "client_secret_env",
        "key": "key_env",
        "subscription_key": "key_env",
    }
    own = set(_keys(table, error))
    if key in secret and (secret[key] in own or table != "sources"):
        return f"; put it in an environment variable and write that variable's name in '{secret[key]}'"
    near = difflib.get_close_matches(key, sorted(own), n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    for other in TABLES:
        if key in _keys(other):
            return f"; it belongs {_named(other)}"
    return f"; known here: {', '.join(sorted(own))}"


def _named(table: str) -> str:
    if not table:
        return "at the top of the file"
    return "in [[sources]] of another kind" if table == "sources" else f"in [{table}]"


def _keys(table: str, error: ErrorDetails | None = None) -> Iterator[str]:
    """Keys of a table; of a source only those of its kind, where the error names it."""
    kind = error["loc"][2] if error is not None and table == "sources" else None
    for model in TABLES.get(table, ()):
        own = model.model_fields.get("kind")
        if kind is None or own is None or kind in get_args(own.annotation):
            yield from model.model_fields
