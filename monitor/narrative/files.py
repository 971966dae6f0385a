"""One file of a narrative: its tables, and what is wrong with each by itself."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from monitor.narrative.models import Tables
from monitor.narrative.problems import Loc, Problem
from monitor.toml_lines import locate

_TOLD_WHOLE = {
    "span": "Exchange the two days.",
    "overlap": "Compare the window with days outside it.",
    "effect": "A ratio of 1 and a difference of 0 are no change: rises lie above, falls below (a ratio above 0).",
    "table": "Name one of the claim's own hypotheses, expectations and baselines.",
    "observability": "Change 'observability', or what contradicts it.",
}
"""Kinds of our own whose message needs no value beside it, and what to do."""

_ADVICE = {
    "date": "Write a day without quotes: 2025-10-01.",
    "string_type": "Put the text in quotes.",
    "list": 'Write a list in brackets: ["..."].',
    "int": "Write a whole number without quotes.",
    "float": "Write a number without quotes.",
    "bool": "Write true or false.",
    "model": "Write a table: { key = value }.",
    "too": "Two whole numbers for days, at least one entry otherwise.",
}
"""By the beginning of pydantic's name for the error."""


class NarrativeFile:
    """One file: its text, its tables as TOML gives them, and its content if nothing is wrong."""

    def __init__(self, file: Path) -> None:
        """Reads the file. Never raises: what goes wrong becomes a problem."""
        self.name = _shown(file)
        self.text = ""
        self.parsed = False
        self.tables: Mapping[str, Any] = {}
        self.content: Tables | None = None
        self.problems: list[Problem] = []
        try:
            self.text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            self._unreadable("is not UTF-8 text")
        except OSError as error:
            self._unreadable(f"cannot be read: {error.strerror}")
        else:
            self._parse()

    def _unreadable(self, what: str) -> None:
        self.problems.append(Problem(file=self.name, line=1, what=what, todo="Check the file and its permissions."))

    def problem(self, loc: Loc, what: str, todo: str = "") -> Problem:
        """At the line of the key path, naming the claim and expectation it belongs to."""
        return Problem(file=self.name, line=locate(self.text, loc), what=f"{self._owner(loc)}{what}", todo=todo)

    def _parse(self) -> None:
        try:
            self.tables = tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            self.problems.append(_syntax(self.name, self.text, str(error)))
            return
        self.parsed = True
        try:
            self.content = Tables.model_validate(self.tables)
        except ValidationError as error:
            details = error.errors(include_url=False)
            unknown = {d["loc"]: _meant(d["loc"]) for d in details if d["type"] == "extra_forbidden"}
            meant = {(*loc[:-1], key) for loc, key in unknown.items() if key}
            # A misspelt key leaves the right one missing: one mistake, one line.
            self.problems += [self._explained(d) for d in details if not (d["type"] == "missing" and d["loc"] in meant)]

    def _explained(self, detail: ErrorDetails) -> Problem:
        loc = detail["loc"]
        if detail["type"] == "extra_forbidden":
            meant = _meant(loc)
            todo = f"Did you mean {meant!r}?" if meant else f"Known here: {', '.join(_known(loc))}."
            return self.problem(loc, f"unknown key {loc[-1]!r}", todo)
        if detail["type"] == "missing":
            return self.problem(loc, f"the key {loc[-1]!r} is missing", f"Add it: {loc[-1]} = ...")
        loc = (*loc, *([detail["ctx"]["at"]] if "at" in detail.get("ctx", {}) else []))
        if detail["type"] in _TOLD_WHOLE:
            return self.problem(loc, f"{_key(loc)}{detail['msg']}", _TOLD_WHOLE[detail["type"]])
        message = detail["msg"][0].lower() + detail["msg"][1:]
        return self.problem(
            loc, f"{_key(loc)}{_brief(detail['input'])} cannot be used: {message}", _advice(detail["type"], loc)
        )

    def _owner(self, loc: Loc) -> str:
        """claim 'wsj-surge', expectation 'E1': ..."""
        names = []
        here: Any = self.tables
        for step, (part, index) in enumerate(pairwise(loc)):
            here = _at(here, part)
            if isinstance(index, int):
                table = _at(here, index)
                if isinstance(table, Mapping) and step < 3:
                    names.append(f"{part} {table['id']!r}" if "id" in table else f"{part} number {index + 1}")
        return ", ".join(names) + (": " if names else "")


def _advice(kind: str, loc: Loc) -> str:
    if kind == "string_pattern_mismatch":
        key = next((part for part in reversed(loc) if isinstance(part, str)), "")
        return {
            "zone": "Write aoi.zone, or prefix_* for whole AOIs.",
            "controls": "Write aoi.zone.",
            "measure": "Use lower-case letters, digits and '_'.",
        }.get(key, "Use letters, digits, '_' and '-' only.")
    return next((advice for start, advice in _ADVICE.items() if kind.startswith(start)), "")


def _syntax(name: str, text: str, error: str) -> Problem:
    """tomllib names the place in its message only: "... (at line 3, column 5)" or "(at end of document)"."""
    place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", error)
    line = int(place[1]) if place and place[1] else text.count("\n", 0, len(text.rstrip())) + 1
    what = error[: place.start()] if place else error
    todo = "Look for a missing quote, bracket or '=' here or just above."
    return Problem(file=name, line=line, what=f"not TOML: {what}", todo=todo)


def _model(loc: Loc) -> type[BaseModel]:
    """The model of the table that holds the last part of the path."""
    model: type[BaseModel] = Tables
    for part in loc[:-1]:
        if isinstance(part, str):
            fields = {f.alias or name: f for name, f in model.model_fields.items()}
            model = next(_models_in(fields[part].annotation))
    return model


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _known(loc: Loc) -> list[str]:
    return [f.alias or name for name, f in _model(loc).model_fields.items()]


def _meant(loc: Loc) -> str:
    """The known key that an unknown one most resembles, or nothing."""
    return next(iter(get_close_matches(str(loc[-1]), _known(loc), n=1)), "")


def _key(loc: Loc) -> str:
    """window.from: ..., from the innermost table on."""
    last_table = max((i for i, part in enumerate(loc[:-1]) if isinstance(part, int) and i < 4), default=-1)
    parts = loc[last_table + 1 :]
    text = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in parts).lstrip(".")
    return f"{text}: " if text else ""


def _brief(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _at(container: Any, part: str | int) -> Any:
    try:
        return container[part]
    except (KeyError, IndexError, TypeError):
        return None


def _shown(file: Path) -> str:
    """Relative to the workspace where that can be told: absolute paths bury the part that matters."""
    return "/".join(file.parts[-3:]) if file.parts[-3:-1] == ("alerts", "narrative") else str(file)
