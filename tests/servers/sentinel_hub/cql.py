"""The part of CQL2 text that sentinelhub-py emits: comparisons joined by AND. Anything else is refused, not ignored."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from operator import eq, le, lt
from typing import Any

CLAUSE = re.compile(r"\s*([A-Za-z0-9_:.]+)\s*(<=|<|=)\s*('(?:[^']|'')*'|-?\d+(?:\.\d+)?)\s*")
OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {"=": eq, "<": lt, "<=": le}


class FilterError(Exception):
    """The filter cannot be read, or names an attribute that the collection does not offer."""


def predicate(text: str, attributes: frozenset[str]) -> Callable[[Mapping[str, Any]], bool]:
    """True for the properties that fulfil the filter.

    Raises:
        FilterError: see there.
    """
    tests = [_clause(part, attributes) for part in re.split(r"\bAND\b", text, flags=re.IGNORECASE)]
    return lambda properties: all(test(properties) for test in tests)


def _clause(text: str, attributes: frozenset[str]) -> Callable[[Mapping[str, Any]], bool]:
    match = CLAUSE.fullmatch(text)
    if match is None:
        raise FilterError(f"filter {text.strip()!r} cannot be read")
    name, operator, literal = match.groups()
    if name not in attributes:
        raise FilterError(f"filter: {name} is no attribute of this collection")
    value: str | float = literal[1:-1].replace("''", "'") if literal.startswith("'") else float(literal)
    compare = OPERATORS[operator]

    def fulfilled(properties: Mapping[str, Any]) -> bool:
        own = properties.get(name)
        if isinstance(own, str) is not isinstance(value, str):
            raise FilterError(f"filter: {name} cannot be compared with {literal}")
        return compare(own, value)

    return fulfilled
