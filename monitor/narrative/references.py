"""References between tables, files and AOIs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.aoi import Aoi
from monitor.narrative.files import NarrativeFile
from monitor.narrative.models import Tables
from monitor.narrative.problems import Loc, Problem, perhaps
from monitor.toml_lines import locate


@dataclass(frozen=True)
class References:
    """Checks the tables as TOML gives them, so that a mistake elsewhere in the file hides none of these."""

    texts: Sequence[NarrativeFile]
    aois: Mapping[str, Aoi] | None

    def problems(self) -> list[Problem]:
        """In no particular order."""
        kinds = [name for name in Tables.model_fields if name != "version"]
        found = [p for kind in kinds for p in self._twice(kind)]
        found += self._dangling("document", "document")
        found += self._dangling("counter", "timeline")
        if self.aois is not None:
            found += [p for kind in kinds for p in self._places(kind, self.aois)]
        return found

    def _each(self, kind: str) -> Iterator[tuple[NarrativeFile, Loc, Mapping[str, Any]]]:
        for text in self.texts:
            for index, table in _tables(text.tables, kind):
                yield text, (kind, index), table

    def _twice(self, kind: str) -> Iterator[Problem]:
        first: dict[str, tuple[NarrativeFile, Loc]] = {}
        for text, loc, table in self._each(kind):
            yield from _repeated(text, (*loc, "id"), table, first)
            inside: dict[str, tuple[NarrativeFile, Loc]] = {}
            for index, expectation in _tables(table, "expectation"):
                yield from _repeated(text, (*loc, "expectation", index, "id"), expectation, inside)

    def _dangling(self, key: str, kind: str) -> Iterator[Problem]:
        """Claims whose `key` names a table of that kind which does not exist."""
        ids = [table.get("id") for _, _, table in self._each(kind)]
        if None in ids:
            return  # told already; every reference to it would look wrong
        known = [i for i in ids if isinstance(i, str)]
        for text, loc, table in self._each("claim"):
            for at, name in _names(table, key):
                if name not in known:
                    yield text.problem(
                        (*loc, *at), f"there is no {kind} {name!r}", perhaps(name, known, f"Add [[{kind}]]")
                    )

    def _places(self, kind: str, aois: Mapping[str, Aoi]) -> Iterator[Problem]:
        for text, loc, table in self._each(kind):
            for at, name in _names(table, "aois"):
                if name not in aois:
                    yield text.problem(
                        (*loc, *at), f"there is no AOI {name!r}", perhaps(name, aois, f"Add aois/{name}.geojson")
                    )
            yield from _zones(text, loc, table, aois)
            for index, expectation in _tables(table, "expectation"):
                yield from _zones(text, (*loc, "expectation", index), expectation, aois)


def _tables(parent: Mapping[str, Any], key: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    tables = parent.get(key)
    if isinstance(tables, list):
        yield from ((i, t) for i, t in enumerate(tables) if isinstance(t, Mapping))


def _names(table: Mapping[str, Any], key: str) -> Iterator[tuple[Loc, str]]:
    """Path within the table and value, of a text or a list of texts."""
    value = table.get(key)
    if isinstance(value, str):
        yield (key,), value
    elif isinstance(value, list):
        yield from (((key, i), v) for i, v in enumerate(value) if isinstance(v, str))


def _repeated(
    text: NarrativeFile, loc: Loc, table: Mapping[str, Any], first: dict[str, tuple[NarrativeFile, Loc]]
) -> Iterator[Problem]:
    name = table.get("id")
    if not isinstance(name, str):
        return
    if name in first:
        before, there = first[name]
        todo = f"First at {before.name}:{locate(before.text, there)}."
        yield text.problem(loc, f"the id {name!r} is used twice", todo)
    first.setdefault(name, (text, loc))


def _zones(text: NarrativeFile, loc: Loc, table: Mapping[str, Any], aois: Mapping[str, Aoi]) -> Iterator[Problem]:
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
        return f"zone {name!r}: there is no AOI {aoi!r}", perhaps(aoi, aois, f"Add aois/{aoi}.geojson")
    zones = [z.name for z in aois[aoi].zones]
    if zone in zones:
        return "", ""
    return f"there is no zone {name!r}", f"{aoi} has: {', '.join(f'{aoi}.{z}' for z in zones)}."
