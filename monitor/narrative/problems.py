"""A mistake in a file, and the error that lists the mistakes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from monitor.errors import NarrativeError

SHOWN = 10
"""Problems listed in one error; the rest is counted."""

Loc = tuple[str | int, ...]
"""The path to a key of a TOML file, as pydantic gives it."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is wrong in a line of a file, and what to do about it."""

    file: str
    line: int
    what: str
    todo: str = ""


def perhaps(name: str, known: Collection[str], otherwise: str) -> str:
    """What to do about a name that is not known."""
    near = get_close_matches(name, list(known), n=1)
    return f"Did you mean {near[0]!r}?" if near else f"{otherwise}, or correct the name."


def refusal(problems: Sequence[Problem]) -> NarrativeError:
    """The error that tells the problems, in the order of the lines."""
    ordered = sorted(dict.fromkeys(problems), key=lambda p: (p.file, p.line))
    if len(ordered) == 1:
        only = ordered[0]
        return NarrativeError(f"{only.file}:{only.line}: {only.what}", only.todo)
    lines = [f"{p.file}:{p.line}: {p.what}{'. ' if p.todo else ''}{p.todo}" for p in ordered[:SHOWN]]
    if len(ordered) > SHOWN:
        lines.append(f"and {len(ordered) - SHOWN} more")
    return NarrativeError("\n".join(lines), "Mend these, then run the command again.")
