"""Reads `alerts/narrative/*.toml`. Strict: whatever is misspelt, missing or points nowhere is named with file and line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from monitor.aoi import Aoi
from monitor.claim import (
    Claim,
    ContextNote,
    Control,
    Credibility,
    Document,
    Effect,
    EffectKind,
    Expectation,
    Heading,
    Looks,
    Narrative,
    Observability,
    Period,
    Reliability,
    TimelineEntry,
)
from monitor.errors import NarrativeError
from monitor.times import Interval, end_of, start_of
from monitor.toml_lines import locate

SHOWN = 10
"""Problems listed in one error; the rest is counted."""

_Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
_Text = Annotated[str, StringConstraints(min_length=1)]
_AoiId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
_ZoneId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*|\*)$")]
_OneZone = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*\.[a-z0-9][a-z0-9_-]*$")]
_LagDays = Annotated[list[int], Field(min_length=2, max_length=2)]
_Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2200, 1, 1))]
_Loc = tuple[str | int, ...]


def read_narrative(files: Sequence[Path], aois: Mapping[str, Aoi] | None = None) -> Narrative:
    """All documents, claims, controls, context and timeline of the files, in their order.

    With `aois` (by id), every AOI and zone that is named must be among them; None: not checked.

    Raises:
        NarrativeError: names file, line and key of up to ten problems, and what to do about them.
    """
    texts = [_Read.read(file) for file in files]
    problems = [problem for text in texts for problem in text.problems]
    if all(text.parsed for text in texts):  # else a reference into the broken file would look like a second mistake
        problems += _References(texts, aois).problems()
    if problems:
        raise _error(problems)
    return _joined([text.content for text in texts if text.content is not None])


# --- what a file may hold -------------------------------------------------------------------------------------------


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class _Span(_Table):
    from_: _Day = Field(alias="from")
    to: _Day

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.to < self.from_:
            raise PydanticCustomError(
                "span", "from ({a}) is later than to ({b})", {"a": str(self.from_), "b": str(self.to)}
            )
        return self

    def interval(self) -> Interval:
        """Both days included."""
        return Interval(start=start_of(self.from_), end=end_of(self.to))


class _Period(_Span):
    name: _Text
    same_doy: bool = False


class _Effect(_Table):
    kind: Annotated[EffectKind, Field(strict=False)]
    value: float


class _Looks(_Table):
    window: int = Field(ge=1)
    baseline: int = Field(ge=1)


class _Expectation(_Table):
    id: _Id
    measure: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    zone: _ZoneId
    sensors: list[Literal["S1", "S2"]] = Field(min_length=1)
    window: _Span
    baseline: list[_Period] = Field(min_length=1)
    direction: Annotated[Heading, Field(strict=False)]
    min_effect: _Effect
    min_looks: _Looks
    weight: float = Field(ge=0, le=1)
    lag_days: _LagDays | None = None
    controls: list[_OneZone] = []
    exclude: list[_Text] = []
    frozen_on: _Day | None = None
    note: str = ""

    @model_validator(mode="after")
    def _apart(self) -> Self:
        for period in self.baseline:
            if period.interval().overlaps(self.window.interval()):
                raise PydanticCustomError(
                    "overlap",
                    "the baseline {name} shares days with the window",
                    {"name": repr(period.name), "at": "baseline"},
                )
        return self

    def value(self) -> Expectation:
        return Expectation(
            id=self.id,
            measure=self.measure,
            zone=self.zone,
            sensors=tuple(self.sensors),
            window=self.window.interval(),
            baselines=tuple(Period(name=p.name, interval=p.interval(), same_season=p.same_doy) for p in self.baseline),
            direction=self.direction,
            min_effect=Effect(kind=self.min_effect.kind, value=self.min_effect.value),
            min_looks=Looks(window=self.min_looks.window, baseline=self.min_looks.baseline),
            weight=self.weight,
            lag_days=_pair(self.lag_days),
            controls=tuple(self.controls),
            exclude=tuple(self.exclude),
            frozen_on=self.frozen_on,
            note=self.note,
        )


class _Claim(_Table):
    id: _Id
    document: _Id
    text: _Text
    said_by: _Text
    relay: str = ""
    said_on: _Day
    about: _Span
    places_named: list[_Text] = []
    aois: list[_AoiId]
    place_basis: str = ""
    reliability: Annotated[Reliability, Field(strict=False)]
    credibility: Annotated[Credibility, Field(strict=False)]
    why: str = ""
    observability: Annotated[Observability, Field(strict=False)]
    resolution_needed: str = ""
    counter: list[_Id] = []
    counterclaim: str = ""
    against: str = ""
    ambiguity: str = ""
    known_check: str = ""
    lag_days: _LagDays | None = None
    note: str = ""
    expectation: list[_Expectation] = []

    @model_validator(mode="after")
    def _honest(self) -> Self:
        if self.observability is Observability.NOT_OBSERVABLE and self.expectation:
            raise PydanticCustomError(
                "observability",
                "a claim that is not observable has an expectation, but is never scored",
                {"at": "observability"},
            )
        if self.observability is Observability.TESTABLE and not (self.expectation and self.against):
            raise PydanticCustomError(
                "observability",
                "a testable claim needs an expectation, and in 'against' what would count against it",
                {"at": "observability"},
            )
        return self

    def value(self) -> Claim:
        return Claim(
            id=self.id,
            document=self.document,
            text=self.text,
            said_by=self.said_by,
            relay=self.relay,
            said_on=self.said_on,
            about=self.about.interval(),
            places_named=tuple(self.places_named),
            aois=tuple(self.aois),
            place_basis=self.place_basis,
            reliability=self.reliability,
            credibility=self.credibility,
            why=self.why,
            observability=self.observability,
            resolution_needed=self.resolution_needed,
            counter=tuple(self.counter),
            counterclaim=self.counterclaim,
            against=self.against,
            ambiguity=self.ambiguity,
            known_check=self.known_check,
            lag_days=_pair(self.lag_days),
            note=self.note,
            expectations=tuple(e.value() for e in self.expectation),
        )


class _Document(_Table):
    id: _Id
    title: _Text
    publisher: _Text
    author: str = ""
    dated: _Day
    date_basis: _Text
    note: str = ""

    def value(self) -> Document:
        return Document(**dict(self))


class _Control(_Table):
    id: _Id
    text: _Text
    aois: list[_AoiId] = Field(min_length=1)
    zone: _OneZone = ""
    event: _Day | None = None
    expect: _Text
    source: str = ""

    def value(self) -> Control:
        return Control(**{**dict(self), "aois": tuple(self.aois)})


class _ContextNote(_Table):
    id: _Id
    text: _Text
    aois: list[_AoiId]
    note: str = ""

    def value(self) -> ContextNote:
        return ContextNote(**{**dict(self), "aois": tuple(self.aois)})


class _Count(_Table):
    containers_total: int | None = None
    containers: int | None = None
    trips: int | None = None
    calls: int | None = None
    imaged_days: int | None = None
    ship_days: int | None = None
    as_of: _Day | None = None
    from_: _Day | None = Field(default=None, alias="from")
    to: _Day | None = None


class _TimelineEntry(_Table):
    id: _Id
    on: _Day = Field(alias="date")
    to: _Day | None = None
    date_precision: str = ""
    what: _Text
    source: _Text
    count: _Count | None = None
    note: str = ""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.to is not None and self.to < self.on:
            days = {"a": str(self.on), "b": str(self.to), "at": "to"}
            raise PydanticCustomError("span", "date ({a}) is later than to ({b})", days)
        return self

    def value(self) -> TimelineEntry:
        return TimelineEntry(
            id=self.id,
            on=self.on,
            until=self.to,
            date_precision=self.date_precision,
            what=self.what,
            source=self.source,
            count=self.count.model_dump(by_alias=True, exclude_none=True) if self.count else {},
            note=self.note,
        )


class _File(_Table):
    version: Literal[1] = Field(alias="schema")
    document: list[_Document] = []
    claim: list[_Claim] = []
    control: list[_Control] = []
    context: list[_ContextNote] = []
    timeline: list[_TimelineEntry] = []


def _pair(days: list[int] | None) -> tuple[int, int] | None:
    return None if days is None else (days[0], days[1])


def _joined(files: Sequence[_File]) -> Narrative:
    return Narrative(
        documents=tuple(d.value() for f in files for d in f.document),
        claims=tuple(c.value() for f in files for c in f.claim),
        controls=tuple(c.value() for f in files for c in f.control),
        context=tuple(c.value() for f in files for c in f.context),
        timeline=tuple(t.value() for f in files for t in f.timeline),
    )


# --- one file, and what is wrong with it ----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Problem:
    file: str
    line: int
    what: str
    todo: str = ""


class _Read:
    """One file: its text, its tables as TOML gives them, and its content if nothing is wrong."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self.parsed = False
        self.tables: Mapping[str, Any] = {}
        self.content: _File | None = None
        self.problems: list[_Problem] = []

    @classmethod
    def read(cls, file: Path) -> Self:
        """Never raises: what goes wrong becomes a problem."""
        read = cls(_shown(file), "")
        try:
            read.text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = (
                "is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else f"cannot be read: {error.strerror}"
            )
            read.problems.append(
                _Problem(file=read.name, line=1, what=reason, todo="Check the file and its permissions.")
            )
            return read
        read._parse()
        return read

    def problem(self, loc: _Loc, what: str, todo: str = "") -> _Problem:
        """At the line of the key path, naming the claim and expectation it belongs to."""
        return _Problem(file=self.name, line=locate(self.text, loc), what=f"{self._owner(loc)}{what}", todo=todo)

    def _parse(self) -> None:
        try:
            self.tables = tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            self.problems.append(_syntax(self.name, self.text, str(error)))
            return
        self.parsed = True
        try:
            self.content = _File.model_validate(self.tables)
        except ValidationError as error:
            details = error.errors(include_url=False)
            unknown = {d["loc"]: _meant(d["loc"]) for d in details if d["type"] == "extra_forbidden"}
            meant = {(*loc[:-1], key) for loc, key in unknown.items() if key}
            # A misspelt key leaves the right one missing: one mistake, one line.
            self.problems += [self._explained(d) for d in details if not (d["type"] == "missing" and d["loc"] in meant)]

    def _explained(self, detail: ErrorDetails) -> _Problem:
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

    def _owner(self, loc: _Loc) -> str:
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


_TOLD_WHOLE = {
    "span": "Exchange the two days.",
    "overlap": "Compare the window with days outside it.",
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


def _advice(kind: str, loc: _Loc) -> str:
    if kind == "string_pattern_mismatch":
        key = next((part for part in reversed(loc) if isinstance(part, str)), "")
        return {
            "zone": "Write aoi.zone, or prefix_* for whole AOIs.",
            "controls": "Write aoi.zone.",
            "measure": "Use lower-case letters, digits and '_'.",
        }.get(key, "Use letters, digits, '_' and '-' only.")
    return next((advice for start, advice in _ADVICE.items() if kind.startswith(start)), "")


def _syntax(name: str, text: str, error: str) -> _Problem:
    """tomllib names the place in its message only: "... (at line 3, column 5)" or "(at end of document)"."""
    place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", error)
    line = int(place[1]) if place and place[1] else text.count("\n", 0, len(text.rstrip())) + 1
    what = error[: place.start()] if place else error
    todo = "Look for a missing quote, bracket or '=' here or just above."
    return _Problem(file=name, line=line, what=f"not TOML: {what}", todo=todo)


def _model(loc: _Loc) -> type[BaseModel]:
    """The model of the table that holds the last part of the path."""
    model: type[BaseModel] = _File
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


def _known(loc: _Loc) -> list[str]:
    return [f.alias or name for name, f in _model(loc).model_fields.items()]


def _meant(loc: _Loc) -> str:
    """The known key that an unknown one most resembles, or nothing."""
    return next(iter(get_close_matches(str(loc[-1]), _known(loc), n=1)), "")


def _key(loc: _Loc) -> str:
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


def _error(problems: Sequence[_Problem]) -> NarrativeError:
    ordered = sorted(dict.fromkeys(problems), key=lambda p: (p.file, p.line))
    if len(ordered) == 1:
        only = ordered[0]
        return NarrativeError(f"{only.file}:{only.line}: {only.what}", only.todo)
    lines = [f"{p.file}:{p.line}: {p.what}{'. ' if p.todo else ''}{p.todo}" for p in ordered[:SHOWN]]
    if len(ordered) > SHOWN:
        lines.append(f"and {len(ordered) - SHOWN} more")
    return NarrativeError("\n".join(lines), "Mend these, then run the command again.")


# --- references between tables, files and AOIs ----------------------------------------------------------------------


class _References:
    """Checks the tables as TOML gives them, so that a mistake elsewhere in the file hides none of these."""

    def __init__(self, texts: Sequence[_Read], aois: Mapping[str, Aoi] | None) -> None:
        self._texts = texts
        self._aois = aois

    def problems(self) -> list[_Problem]:
        """In no particular order."""
        kinds = [name for name in _File.model_fields if name != "version"]
        found = [p for kind in kinds for p in self._twice(kind)]
        found += self._dangling("document", "document")
        found += self._dangling("counter", "timeline")
        if self._aois is not None:
            found += [p for kind in kinds for p in self._places(kind, self._aois)]
        return found

    def _each(self, kind: str) -> Iterator[tuple[_Read, _Loc, Mapping[str, Any]]]:
        for text in self._texts:
            for index, table in _tables(text.tables, kind):
                yield text, (kind, index), table

    def _twice(self, kind: str) -> Iterator[_Problem]:
        first: dict[str, tuple[_Read, _Loc]] = {}
        for text, loc, table in self._each(kind):
            yield from _repeated(text, (*loc, "id"), table, first)
            inside: dict[str, tuple[_Read, _Loc]] = {}
            for index, expectation in _tables(table, "expectation"):
                yield from _repeated(text, (*loc, "expectation", index, "id"), expectation, inside)

    def _dangling(self, key: str, kind: str) -> Iterator[_Problem]:
        """Claims whose `key` names a table of that kind which does not exist."""
        ids = [table.get("id") for _, _, table in self._each(kind)]
        if None in ids:
            return  # told already; every reference to it would look wrong
        known = [i for i in ids if isinstance(i, str)]
        for text, loc, table in self._each("claim"):
            for at, name in _names(table, key):
                if name not in known:
                    yield text.problem(
                        (*loc, *at), f"there is no {kind} {name!r}", _perhaps(name, known, f"Add [[{kind}]]")
                    )

    def _places(self, kind: str, aois: Mapping[str, Aoi]) -> Iterator[_Problem]:
        for text, loc, table in self._each(kind):
            for at, name in _names(table, "aois"):
                if name not in aois:
                    yield text.problem(
                        (*loc, *at), f"there is no AOI {name!r}", _perhaps(name, aois, f"Add aois/{name}.geojson")
                    )
            yield from _zones(text, loc, table, aois)
            for index, expectation in _tables(table, "expectation"):
                yield from _zones(text, (*loc, "expectation", index), expectation, aois)


def _tables(parent: Mapping[str, Any], key: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    tables = parent.get(key)
    if isinstance(tables, list):
        yield from ((i, t) for i, t in enumerate(tables) if isinstance(t, Mapping))


def _names(table: Mapping[str, Any], key: str) -> Iterator[tuple[_Loc, str]]:
    """Path within the table and value, of a text or a list of texts."""
    value = table.get(key)
    if isinstance(value, str):
        yield (key,), value
    elif isinstance(value, list):
        yield from (((key, i), v) for i, v in enumerate(value) if isinstance(v, str))


def _repeated(
    text: _Read, loc: _Loc, table: Mapping[str, Any], first: dict[str, tuple[_Read, _Loc]]
) -> Iterator[_Problem]:
    name = table.get("id")
    if not isinstance(name, str):
        return
    if name in first:
        before, there = first[name]
        todo = f"First at {before.name}:{locate(before.text, there)}."
        yield text.problem(loc, f"the id {name!r} is used twice", todo)
    first.setdefault(name, (text, loc))


def _zones(text: _Read, loc: _Loc, table: Mapping[str, Any], aois: Mapping[str, Aoi]) -> Iterator[_Problem]:
    for key in ("zone", "controls"):
        for at, name in _names(table, key):
            what, todo = _wrong_zone(name, aois)
            if what:
                yield text.problem((*loc, *at), what, todo)


def _wrong_zone(name: str, aois: Mapping[str, Aoi]) -> tuple[str, str]:
    """What is wrong with the zone's name, and what to do; empty if nothing is."""
    if name.endswith("*"):
        fits = any(aoi.startswith(name[:-1]) for aoi in aois)
        return ("", "") if fits else (f"no AOI begins with {name[:-1]!r}", f"Known: {', '.join(sorted(aois))}.")
    aoi, dot, zone = name.partition(".")
    if not dot:
        return "", ""  # the form of the name is told elsewhere
    if aoi not in aois:
        return f"zone {name!r}: there is no AOI {aoi!r}", _perhaps(aoi, aois, f"Add aois/{aoi}.geojson")
    zones = [z.name for z in aois[aoi].zones]
    if zone in zones:
        return "", ""
    return f"there is no zone {name!r}", f"{aoi} has: {', '.join(f'{aoi}.{z}' for z in zones)}."


def _perhaps(name: str, known: Collection[str], otherwise: str) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f"Did you mean {near[0]!r}?" if near else f"{otherwise}, or correct the name."
