"""What a file of a narrative may hold, and the values of `monitor.claim` that are made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from monitor.claim import (
    Claim,
    ContextNote,
    Control,
    Credibility,
    Document,
    Effect,
    EffectKind,
    Exclusion,
    Expectation,
    Fit,
    Heading,
    Hypothesis,
    Item,
    Looks,
    Narrative,
    Observability,
    Period,
    Probe,
    Reliability,
    Sight,
    TimelineEntry,
)
from monitor.times import Interval, end_of, start_of

_Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
_Text = Annotated[str, StringConstraints(min_length=1)]
_AoiId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
_ZoneId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*|\*)$")]
_OneZone = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*\.[a-z0-9][a-z0-9_-]*$")]
_LagDays = Annotated[list[int], Field(min_length=2, max_length=2)]
_Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2200, 1, 1))]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    def to_core(self) -> Any:
        """The value of `monitor.claim` that is made of this table."""
        raise NotImplementedError

    def parts(self) -> dict[str, Any]:
        """The fields by name, as the core has them: tuples for lists, values for tables."""
        return {name: _part(value) for name, value in self}


def _part(read: object) -> Any:
    if isinstance(read, list):
        return tuple(map(_part, read))
    return read.to_core() if isinstance(read, _Table) else read


class _Days(_Table):
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


class _Span(_Days):
    def to_core(self) -> Interval:
        return self.interval()


class _Period(_Days):
    name: _Text
    same_doy: bool = False

    def to_core(self) -> Period:
        return Period(name=self.name, interval=self.interval(), same_season=self.same_doy)


class _Effect(_Table):
    kind: Annotated[EffectKind, Field(strict=False)]
    value: float

    def to_core(self) -> Effect:
        return Effect(**self.parts())


class _Looks(_Table):
    window: int = Field(ge=1)
    baseline: int = Field(ge=1)

    def to_core(self) -> Looks:
        return Looks(**self.parts())


class _Expectation(_Table):
    id: _Id
    measure: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    zone: _ZoneId
    sensors: list[Literal["S1", "S2"]] = Field(min_length=1)
    window: _Span
    baselines: list[_Period] = Field(alias="baseline", min_length=1)
    direction: Annotated[Heading, Field(strict=False)]
    min_effect: _Effect
    min_looks: _Looks
    weight: float = Field(ge=0, le=1)
    lag_days: _LagDays | None = None
    controls: list[_OneZone] = []
    exclude: list[Annotated[Exclusion, Field(strict=False)]] = []
    stay_days: float | None = Field(default=None, ge=0, le=365)
    note: str = ""

    @model_validator(mode="after")
    def _apart(self) -> Self:
        for period in self.baselines:
            if period.interval().overlaps(self.window.interval()):
                raise PydanticCustomError(
                    "overlap",
                    "the baseline {name} shares days with the window",
                    {"name": repr(period.name), "at": "baseline"},
                )
        return self

    @model_validator(mode="after")
    def _on_its_side(self) -> Self:
        """A rise of 0.5 times, or a fall of 1.5, would be met by doing nothing."""
        none = 1.0 if self.min_effect.kind is EffectKind.RATE_RATIO else 0.0
        rises = self.direction in {Heading.UP, Heading.NOT_UP}
        value = self.min_effect.value
        if (value > none) is not rises or value == none or (none == 1.0 and value <= 0):
            side = "above" if rises else "below"
            raise PydanticCustomError(
                "effect",
                "with direction {direction} the effect must lie {side} {none}",
                {"direction": repr(str(self.direction)), "side": side, "none": f"{none:g}", "at": "min_effect"},
            )
        return self

    def to_core(self) -> Expectation:
        return Expectation(**self.parts())


class _Hypothesis(_Table):
    id: _Id
    text: _Text

    def to_core(self) -> Hypothesis:
        return Hypothesis(**self.parts())


class _Probe(_Table):
    expectation: _Id
    sees: Annotated[Sight, Field(strict=False)] = Sight.SUPPORTED
    baseline: str = ""

    def to_core(self) -> Probe:
        return Probe(**self.parts())


class _Item(_Table):
    id: _Id
    text: _Text
    fits: dict[_Id, Annotated[Fit, Field(strict=False)]] = Field(min_length=1)
    test: _Probe | None = None

    def to_core(self) -> Item:
        return Item(**self.parts())


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
    expectations: list[_Expectation] = Field(default=[], alias="expectation")
    hypotheses: list[_Hypothesis] = Field(default=[], alias="hypothesis")
    evidence: list[_Item] = []

    @model_validator(mode="after")
    def _honest(self) -> Self:
        if self.observability is Observability.NOT_OBSERVABLE and self.expectations:
            raise PydanticCustomError(
                "observability",
                "a claim that is not observable has an expectation, but is never scored",
                {"at": "observability"},
            )
        if self.observability is Observability.TESTABLE and not (self.expectations and self.against):
            raise PydanticCustomError(
                "observability",
                "a testable claim needs an expectation, and in 'against' what would count against it",
                {"at": "observability"},
            )
        return self

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        hypotheses = {h.id for h in self.hypotheses}
        baselines = {e.id: {b.name for b in e.baselines} for e in self.expectations}
        for item in self.evidence:
            wrong = _unknown(item, hypotheses, baselines)
            if wrong:
                raise PydanticCustomError("table", "evidence {item}: {wrong}", {"item": repr(item.id), "wrong": wrong})
        return self

    def to_core(self) -> Claim:
        return Claim(**self.parts())


def _unknown(item: _Item, hypotheses: Set[str], baselines: Mapping[str, Set[str]]) -> str:
    """The first name in a row of the table that nothing in the claim has; empty: all are known."""
    for name in item.fits:
        if name not in hypotheses:
            return f"there is no hypothesis {name!r}"
    test = item.test
    if test is None:
        return ""
    if test.expectation not in baselines:
        return f"there is no expectation {test.expectation!r}"
    if test.baseline and test.baseline not in baselines[test.expectation]:
        return f"expectation {test.expectation!r} has no baseline {test.baseline!r}"
    return ""


class _Document(_Table):
    id: _Id
    title: _Text
    publisher: _Text
    author: str = ""
    dated: _Day
    date_basis: _Text
    note: str = ""

    def to_core(self) -> Document:
        return Document(**self.parts())


class _Control(_Table):
    id: _Id
    text: _Text
    aois: list[_AoiId] = Field(min_length=1)
    zone: _OneZone = ""
    event: _Day | None = None
    expect: _Text
    source: str = ""

    def to_core(self) -> Control:
        return Control(**self.parts())


class _ContextNote(_Table):
    id: _Id
    text: _Text
    aois: list[_AoiId]
    note: str = ""

    def to_core(self) -> ContextNote:
        return ContextNote(**self.parts())


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

    def to_core(self) -> dict[str, int | date]:
        return self.model_dump(by_alias=True, exclude_none=True)


class _TimelineEntry(_Table):
    id: _Id
    on: _Day = Field(alias="date")
    until: _Day | None = Field(default=None, alias="to")
    date_precision: str = ""
    what: _Text
    source: _Text
    count: _Count = _Count()
    note: str = ""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until is not None and self.until < self.on:
            days = {"a": str(self.on), "b": str(self.until), "at": "to"}
            raise PydanticCustomError("span", "date ({a}) is later than to ({b})", days)
        return self

    def to_core(self) -> TimelineEntry:
        return TimelineEntry(**self.parts())


class Tables(_Table):
    """All of a file."""

    version: Literal[1] = Field(alias="schema")
    document: list[_Document] = []
    claim: list[_Claim] = []
    control: list[_Control] = []
    context: list[_ContextNote] = []
    timeline: list[_TimelineEntry] = []


def joined(files: Sequence[Tables]) -> Narrative:
    """What the files say, in their order."""
    return Narrative(
        documents=tuple(d.to_core() for f in files for d in f.document),
        claims=tuple(c.to_core() for f in files for c in f.claim),
        controls=tuple(c.to_core() for f in files for c in f.control),
        context=tuple(c.to_core() for f in files for c in f.context),
        timeline=tuple(t.to_core() for f in files for t in f.timeline),
    )
