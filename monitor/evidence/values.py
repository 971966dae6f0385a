"""Numbers as JSON and back, to the last bit, and what differs between two of them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from enum import Enum
from itertools import zip_longest
from typing import Any, Final

import numpy as np

from monitor.message import clean

ABSENT: Final = "nothing"
ROUNDING: Final = 1e-6
"""Relative. Another processor or library rounds sums and logarithms otherwise in the last digit: 1e-16 in what is made
of a series, some 1e-8 in what is made of pixels, which are 32-bit floats. Another way to measure moves far more."""

NOTHING: Final = 1e-9
"""Absolute: below it a number is nothing but rounding. Measured: AVX512 switched off."""


def plain(value: Any) -> Any:
    """The value as what JSON knows. Floats keep every bit, but for NaN, which becomes null, and "inf" and "-inf".

    Raises:
        TypeError: it holds something that has no such form.
    """
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None if math.isnan(value) else str(value)
    if isinstance(value, date):
        return value.isoformat()
    return _plain_parts(value)


def _plain_parts(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    raise TypeError(f"{type(value).__name__} has no form in a bundle")


def as_json(value: Any) -> bytes:
    """The plain value as a JSON file for people and programs."""
    return json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False).encode(errors="replace") + b"\n"


def parsed(content: bytes) -> Any:
    """The value of a JSON file.

    Raises:
        ValueError: it is none.
    """
    try:
        return json.loads(content)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One number that was recorded otherwise than it is computed."""

    what: str
    """File and place in it. May hold anything, as may the values: print `str(difference)`."""

    recorded: str
    recomputed: str
    rounding: bool = False
    """True if both are numbers that are the same but for the last digits: another processor or library, not another
    way to measure."""

    def __str__(self) -> str:
        last = " (in the last digits)" if self.rounding else ""
        return clean(f"{self.what}: recorded {self.recorded}, recomputed {self.recomputed}{last}")


def differences(what: str, recorded: Any, recomputed: Any) -> Iterator[Difference]:
    """Every leaf in which two plain values differ by a bit, each named by its way from `what`."""
    if isinstance(recorded, Mapping) and isinstance(recomputed, Mapping):
        for key in dict.fromkeys([*recorded, *recomputed]):
            yield from differences(f"{what}.{key}", recorded.get(key, ABSENT), recomputed.get(key, ABSENT))
    elif isinstance(recorded, list) and isinstance(recomputed, list):
        for number, pair in enumerate(zip_longest(recorded, recomputed, fillvalue=ABSENT)):
            yield from differences(f"{what}[{number}]", *pair)
    elif json.dumps(recorded) != json.dumps(recomputed):
        yield Difference(
            what=what,
            recorded=_shown(recorded),
            recomputed=_shown(recomputed),
            rounding=_rounding(recorded, recomputed),
        )


def leaves(value: Any) -> int:
    """How many numbers and words a plain value holds."""
    if isinstance(value, Mapping):
        return sum(map(leaves, value.values()))
    return sum(map(leaves, value)) if isinstance(value, Sequence) and not isinstance(value, str) else 1


def _shown(value: Any) -> str:
    text = json.dumps(value) if not isinstance(value, str) else value
    return text if len(text) <= 80 else f"{text[:77]}..."


def _rounding(one: Any, other: Any) -> bool:
    both = all(isinstance(v, float) for v in (one, other))
    return both and math.isclose(one, other, rel_tol=ROUNDING, abs_tol=NOTHING)
