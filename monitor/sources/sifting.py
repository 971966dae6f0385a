"""What a catalogue sent, held against what it was asked for."""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import shapely
from shapely.geometry.base import BaseGeometry

from monitor import globe
from monitor.errors import QuaywatchError, SourceError
from monitor.times import Interval, utc

Item = dict[str, Any]

MOST_CORNERS = 500
"""Of an outline that is sent; a finer one is sent as its box, and held against the items here."""

MOST_NAMED = 5
"""Items of a kind named in `left_out`; the others are counted."""

BROKEN = (KeyError, TypeError, ValueError, AttributeError, IndexError, QuaywatchError, shapely.errors.ShapelyError)
"""What looking at an item of any shape can raise."""


@dataclass(frozen=True, kw_only=True)
class Answer(Sequence[Item]):
    """What a search gave: a sequence of items, each once, as received."""

    items: tuple[Item, ...] = ()
    left_out: tuple[str, ...] = ()
    """What the server sent besides, and why it is not among the items."""

    @overload
    def __getitem__(self, index: int) -> Item: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...

    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True)
class Question:
    """One search, and how an item is held against it."""

    collections: tuple[str, ...]
    asked: Interval
    outline: BaseGeometry

    @functools.cached_property
    def boxes(self) -> list[BaseGeometry]:
        """Extent of the outline: one box, or two that meet at 180 degrees."""
        return [shapely.box(*b) for b in globe.boxes(self.outline)]

    def geometries(self) -> Iterator[BaseGeometry]:
        """What is sent: the outline, or its two sides where it crosses 180 degrees, for servers that know no globe."""
        flat = globe.split(self.outline)
        if shapely.get_num_coordinates(flat) > MOST_CORNERS:
            yield from self.boxes
        elif len(self.boxes) == 1:
            yield flat
        else:
            yield from (flat.intersection(b) for b in self.boxes)

    def ignored(self, item: Item) -> str:
        """Which filter cannot have been applied to the item; empty: none."""
        if item.get("collection") not in self.collections:
            return f"of collection {_plain(item.get('collection'))}"
        properties = item["properties"]
        moment = properties.get("datetime")
        first, last = properties.get("start_datetime") or moment, properties.get("end_datetime") or moment
        if utc(last) < self.asked.start or utc(first) > self.asked.end:
            return f"of {utc(first):%Y-%m-%d}"
        extent = [shapely.box(*b) for b in globe.boxes(_footprint(item))]
        near = any(globe.touches(one, other) for one in extent for other in self.boxes)
        return "" if near else "of another place"

    def touches(self, item: Item) -> bool:
        """True if it shares ground with the outline; a server may compare boxes instead."""
        return globe.touches(_footprint(item), self.outline)


def _plain(text: object) -> str:
    """What a server wrote, fit for a message: short, and without signs that a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in str(text)[:150])


def _footprint(item: Item) -> BaseGeometry:
    footprint = shapely.geometry.shape(item["geometry"])
    if footprint.is_empty:
        raise ValueError("its geometry is empty")
    return footprint


@dataclass
class Sifter:
    """Takes pages in, keeps what was asked for."""

    place: str
    question: Question
    items: dict[tuple[str, str], Item] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)

    def take(self, features: Sequence[Any]) -> bool:
        """True if the page brought something new.

        Raises:
            SourceError: nothing on it was asked for, so nothing that the server says is an answer.
        """
        new, before = 0, sum(self.ignored.values())
        for feature in features:
            mark = hash(json.dumps(feature, sort_keys=True))
            if mark not in self.seen:
                self.seen.add(mark)
                new += 1
                self._sort_in(feature)
        foreign = sum(self.ignored.values()) - before
        if new and foreign == new:
            raise SourceError(
                f"{self.place}: does not heed what it is asked for: it sent {foreign} items "
                f"{', '.join(list(self.ignored)[:3])}",
                "It cannot be searched by collection, time and place. Name another one in config.toml.",
            )
        return new > 0

    def _sort_in(self, feature: Any) -> None:
        try:
            identity = (str(feature.get("collection")), feature["id"])
            if not isinstance(feature["id"], str):
                raise TypeError("its id is no text")
            ignored = self.question.ignored(feature)
            touches = not ignored and self.question.touches(feature)
        except BROKEN as error:
            name = feature.get("id", "without id") if isinstance(feature, dict) else "that is none"
            why = f"{error} is missing" if isinstance(error, KeyError) else str(error).splitlines()[0]
            self.broken.append(f"item {_plain(name)} left out: {_plain(why)}")
            return
        if ignored:
            self.ignored[ignored] += 1
        elif touches:
            self.items.setdefault(identity, feature)

    def answer(self) -> Answer:
        """What was kept.

        Raises:
            SourceError: there were items, and not one of them could be read.
        """
        if self.broken and not self.items:
            raise SourceError(f"{self.place}: no usable item; {self.broken[0]}", "See the status of the service.")
        notes = [f"{self.place}: {b}" for b in self.broken[:MOST_NAMED]]
        if len(self.broken) > MOST_NAMED:
            notes.append(f"{self.place}: {len(self.broken) - MOST_NAMED} more items left out")
        notes += [f"{self.place}: {n} items {what} left out: not asked for" for what, n in self.ignored.most_common(3)]
        return Answer(items=tuple(self.items.values()), left_out=tuple(notes))
