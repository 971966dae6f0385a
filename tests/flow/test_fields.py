"""Real farmland under real cloud: fields are harvested, and cloud that the scene classification missed is no change."""

from __future__ import annotations

from conftest import real_data

from benchmarks import fields

HARVESTED = {"2019-07-25", "2019-07-30", "2019-08-24"}
SOWN = {"2019-10-13"}
"""Green where the autumn before was bare."""

MISSED_CLOUD = {"2018-11-12", "2019-05-06", "2019-06-10", "2019-06-30", "2019-07-20", "2019-09-18"}
"""Cloud and shadow over at least a quarter of the square, clear (or snow, in November at 10 degrees) to the scene
classification; judged by eye."""


def test_fifteen_months_of_farmland() -> None:
    folder = real_data("fields")
    seen = list(fields.followed(folder, fields.squares(folder)["flanders-east"]))
    by_date = {str(s.look.at.date()): s for s in seen}
    assert len(by_date) == 72
    for date in MISSED_CLOUD:
        assert by_date[date].reason, date
    changed = {d for d, s in by_date.items() if s.changed is not None and s.changed.share() > 0.003}
    assert changed >= HARVESTED
    assert changed <= HARVESTED | SOWN
    figures = fields.figures(seen)
    assert figures["measured"] >= 17
    assert not [i for i in figures["incidents"] if "confirmed" in i or "finished" in i]
