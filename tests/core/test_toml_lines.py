"""Line numbers of TOML keys: against a text whose lines are counted by eye, and against tomllib."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.toml_lines import locate

TEXT = (
    '''\
# [[claim]] in a comment is none
schema = 1
title = """
[[claim]]
id = "not a key"
"""
"quoted key" = 'it''
'''.replace("it''", "it'")
    + """\
[[claim]]
id = "a"   # = [ {
about = { from = 2025-10-01, to = 2026-02-06 }
aois = [
  "rajin",  # ] not the end
  "dunai",
]

  [[claim.expectation]]
  id = "E1"
  baseline = [{ name = "x" }, { name = "y",
    from = 2025-01-01 }]

  [[claim.expectation]]
  id = "E2"

[[claim]]
id = "b"
  [[claim.expectation]]
  misspelt = "]"
  [claim.expectation.window]
  from = 2025-10-01
[table.below]
a.b.c = 1
"""
)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("schema",), 2),
        (("title",), 3),
        (("quoted key",), 7),
        (("claim",), 8),
        (("claim", 0), 8),
        (("claim", 0, "id"), 9),
        (("claim", 0, "about", "to"), 10),
        (("claim", 0, "aois"), 11),
        (("claim", 0, "aois", 1), 13),
        (("claim", 0, "expectation", 0), 16),
        (("claim", 0, "expectation", 0, "baseline", 0, "name"), 18),
        (("claim", 0, "expectation", 0, "baseline", 1, "from"), 19),
        (("claim", 0, "expectation", 1, "id"), 22),
        (("claim", 1), 24),
        (("claim", 1, "expectation", 0, "misspelt"), 27),
        (("claim", 1, "expectation", 0, "window"), 28),
        (("claim", 1, "expectation", 0, "window", "from"), 29),
        (("table",), 30),
        (("table", "below", "a", "b", "c"), 31),
    ],
)
def test_the_line_of_a_key(path: tuple[str | int, ...], line: int) -> None:
    assert locate(TEXT, path) == line


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("claim", 0, "missing"), 8),
        (("claim", 0, "about", "missing"), 10),
        (("claim", 1, "expectation", 0, "zone"), 26),
        (("claim", 7, "id"), 8),
        (("nowhere",), 1),
        ((), 1),
    ],
)
def test_a_missing_key_gives_the_line_of_what_should_hold_it(path: tuple[str | int, ...], line: int) -> None:
    assert locate(TEXT, path) == line


@pytest.mark.parametrize(
    "broken", ["a = 1\n]]\nb = 2", "a = 1\n= 3", 'a = 1\nb = "open', "a = 1\nb = [1, 2", "a = 1\n[t", "a = 1\nb"]
)
def test_a_broken_text_is_read_as_far_as_it_goes(broken: str) -> None:
    assert locate(broken, ("a",)) == 1


def test_carriage_returns_do_not_count_twice() -> None:
    assert locate("a = 1\r\n\r\n[b]\r\nc = [\r\n1,\r\n2]\r\n", ("b", "c", 1)) == 6


scalars = st.one_of(
    st.integers(-9, 9).map(str),
    st.sampled_from(["true", "2025-10-01", "1.5", '"text"', "'#['", '"\\"]"', '"""\n]\n"""', "'''\n{'\n'''", '""']),
)


def _inline(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    lists = st.lists(values, max_size=3).map(lambda v: "[\n" + " , # ]\n".join(v) + "\n]")
    tables = st.lists(values, max_size=2).map(lambda v: "{" + ", ".join(f"k{i} = {x}" for i, x in enumerate(v)) + "}")
    return lists | tables


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield from _paths(child, (*path, key))


@given(st.lists(st.recursive(scalars, _inline, max_leaves=6), max_size=4))
def test_keys_keep_their_lines_whatever_the_values_hold(values: list[str]) -> None:
    """Every second key is a probe on a line of its own; its number is known without parsing."""
    text, expected = "", {}
    for i, value in enumerate(values):
        text += f"before{i} = {value}\n"
        expected[f"probe{i}"] = text.count("\n") + 1
        text += f"probe{i} = 1\n"
    tomllib.loads(text)
    assert {key: locate(text, (key,)) for key in expected} == expected


@given(st.lists(st.recursive(scalars, _inline, max_leaves=6), max_size=4))
def test_every_path_that_tomllib_sees_is_found_after_its_parent(values: list[str]) -> None:
    text = "".join(f"[[t]]\nkey{i} = {value}\n" for i, value in enumerate(values))
    for path in _paths(tomllib.loads(text)):
        parent = locate(text, path[:-1])
        assert parent <= locate(text, path) <= text.count("\n") + 1
        if len(path) == 2:
            assert text.splitlines()[locate(text, path) - 1] == "[[t]]"


@given(st.text(alphabet="ab[]{}=\"'.,#\n\\ ", max_size=40))
def test_no_text_makes_it_fail_or_hang(text: str) -> None:
    assert 1 <= locate(text, ("a", 0, "b")) <= text.count("\n") + 1
