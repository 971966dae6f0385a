"""Where a key stands in a TOML text: `tomllib` forgets the lines, and an error has to name one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress

Path = tuple[str | int, ...]
"""Keys and list indices from the top of the document: ("claim", 3, "expectation", 0, "zone")."""

_BLANK = re.compile(r"[ \t]*")
_FILLER = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_KEY = re.compile(r"[ \t]*(?:([A-Za-z0-9_-]+)|\"((?:[^\"\\\n]|\\.)*)\"|'([^'\n]*)')[ \t]*")
_STRING = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL)
_PLAIN = re.compile(r"[^,\]}#\n]*")


def locate(text: str, path: Sequence[str | int]) -> int:
    """The line, counted from 1, on which the key path stands.

    A path that is not in the text (a key that is missing, say) gives the line of the nearest table
    or key above it that is; a text that is not TOML gives what could be read before it went wrong.
    """
    lines = _Scanner(text).lines()
    wanted = tuple(path)
    while wanted and wanted not in lines:
        wanted = wanted[:-1]
    return lines.get(wanted, 1)


class _Unreadable(Exception):
    """The text is not TOML from here on."""


class _Scanner:
    """Walks the text once. Understands keys, tables, lists and strings; skips over all other values."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._found: dict[Path, int] = {}
        self._lengths: dict[Path, int] = {}
        """Arrays of tables: how many headers were seen."""

    def lines(self) -> dict[Path, int]:
        """The line of every path in the text, as far as it can be read."""
        with suppress(_Unreadable):  # best effort: what was found before still helps
            self._document()
        return self._found

    def _document(self) -> None:
        table: Path = ()
        self._skip(_FILLER)
        while self._at < len(self._text):
            if self._next("["):
                table = self._header()
            else:
                self._pair(table)
            self._skip(_FILLER)

    def _header(self) -> Path:
        start = self._at
        closing = "]]" if self._next("[[") else "]"
        self._at += len(closing)
        keys = self._keys()
        self._expect(closing)
        table: Path = ()
        for key in keys[:-1]:
            self._note((*table, key), start)
            table = self._entered((*table, key))
        table = (*table, keys[-1])
        if closing == "]]":
            self._note(table, start)
            self._lengths[table] = self._lengths.get(table, 0) + 1
            table = self._entered(table)
        self._note(table, start)
        return table

    def _entered(self, table: Path) -> Path:
        """The path itself, or its last element if it is an array of tables: [a.b] after [[a]] is in a[-1]."""
        length = self._lengths.get(table)
        return table if length is None else (*table, length - 1)

    def _pair(self, table: Path) -> None:
        start = self._at
        path = table
        for key in self._keys():
            path = (*path, key)
            self._note(path, start)
        self._expect("=")
        self._skip(_BLANK)
        self._value(path)

    def _value(self, path: Path) -> None:
        self._note(path, self._at)
        if self._next("["):
            self._list(path)
        elif self._next("{"):
            self._inline_table(path)
        elif self._next('"') or self._next("'"):
            self._skip(_STRING, required=True)
        else:
            self._skip(_PLAIN)

    def _list(self, path: Path) -> None:
        self._expect("[")
        index = 0
        self._skip(_FILLER)
        while not self._next("]"):
            self._value((*path, index))
            index += 1
            self._comma_or("]")
        self._expect("]")

    def _inline_table(self, path: Path) -> None:
        self._expect("{")
        self._skip(_FILLER)
        while not self._next("}"):
            self._pair(path)
            self._comma_or("}")
        self._expect("}")

    def _comma_or(self, closing: str) -> None:
        self._skip(_FILLER)
        if not self._next(closing):
            self._expect(",")
            self._skip(_FILLER)

    def _keys(self) -> list[str]:
        keys = [self._key()]
        while self._next("."):
            self._at += 1
            keys.append(self._key())
        return keys

    def _key(self) -> str:
        match = _KEY.match(self._text, self._at)
        if match is None:
            raise _Unreadable
        self._at = match.end()
        return next(group for group in match.groups() if group is not None)

    def _note(self, path: Path, at: int) -> None:
        self._found.setdefault(path, self._text.count("\n", 0, at) + 1)

    def _next(self, text: str) -> bool:
        return self._text.startswith(text, self._at)

    def _expect(self, text: str) -> None:
        if not self._next(text):
            raise _Unreadable
        self._at += len(text)

    def _skip(self, pattern: re.Pattern[str], *, required: bool = False) -> None:
        match = pattern.match(self._text, self._at)
        if match is None:
            if required:
                raise _Unreadable
            return
        self._at = match.end()
