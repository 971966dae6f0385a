"""What limits an alert, in words: its budget, what that is worth here, what else could look like it, what it misses."""

from __future__ import annotations

import math
from collections.abc import Sequence

from monitor.alert import Calibration, Control, Nuisance, Power, Recall, ShipRecall, Verdict
from monitor.alert.controls import LEAST_DURING
from monitor.baseline import LEAST_LOOKS, Family
from monitor.message.wording import after, counted, day, false_alarms, interval, number, rounded

ALMOST = 0.98
"""Of all: told in words, not as a percentage."""


def budget(a_year: float, watched: int) -> str:
    """What the thresholds of an AOI were set to."""
    if watched <= 1:
        return f"The thresholds of this place are set for {false_alarms(a_year)}, rises and falls together."
    return (
        f"The thresholds of this place are set for {false_alarms(a_year)} in all, rises and falls together; "
        f"{watched} series share that, {rounded(a_year / watched)} a year each."
    )


def calibrated(
    found: Calibration | None, aoi: str, a_year: float, recipes: Sequence[str], series: tuple[str, str] | None
) -> list[str]:
    """What was measured of an AOI's alerts on its own history; `series`: zone and measure whose recall is told."""
    if found is None:
        return [f"How many false alarms come is not measured on this place yet: run `quaywatch calibrate {aoi}`."]
    if not set(recipes) <= set(found.recipes):
        old = f"What was measured on {day(found.at)} was with other versions of the measures and says nothing of these"
        return [f"{old}: run `quaywatch calibrate {aoi}`."]
    rate = found.false_alarms_a_year
    null = f"{found.placebos:,} histories in which nothing changed, {rounded(found.years)} years in all"
    made = f"Measured on this place's own history ({day(found.at)}, {null})"
    around = interval(rate.low, rate.high)
    lines = [f"{made}: {false_alarms(rate.value)} {around}, at a budget of {rounded(found.budget)}."]
    if not found.met:
        lines.append(
            f"WARNING: the budget is not met here. {false_alarms(rate.value).capitalize()} came where "
            f"{rounded(found.budget)} were allowed: alerts of this place deserve less trust than they ask for."
        )
    if not math.isclose(found.budget, a_year, rel_tol=0.01):
        lines.append(f"The budget is another one now ({rounded(a_year)}); measure it again.")
    lines += [_recalled(r) for r in found.recall if series in {None, (r.zone, r.measure)}]
    return [*lines, _ships(found.ships)] if found.ships else lines


def _ships(ships: Sequence[ShipRecall]) -> str:
    """What was found of ships put into the pixels of recent looks."""
    each = "; ".join(
        f"{number(s.length_m, 'm')}: {rounded(s.found.value)} of {s.planted} {interval(s.found.low, s.found.high)}"
        for s in sorted(ships, key=lambda s: s.length_m)
    )
    return f"Ships put into open water of recent looks, share found by length: {each}."


def _recalled(recall: Recall) -> str:
    where = f"{recall.zone.replace('_', ' ')}, {recall.measure}"
    found = recall.found
    half = f"; half of those within {counted(round(recall.delay_looks), 'look')}" if recall.delay_looks else ""
    return (
        f"Of changes planted there to {rounded(recall.ratio)} times the usual ({where}), a share of "
        f"{rounded(found.value)} was found within {counted(recall.looks, 'look')} {interval(found.low, found.high)}"
        f"{half}."
    )


def missed(power: Power | None, unit: str) -> str:
    """What a chart would not see; empty where it is not known."""
    if power is None:
        return ""
    rise, fall = _risen(power, unit), _fallen(power, unit)
    looks = f"With {counted(power.looks, 'usable look')} after it began"
    smaller = "Smaller or shorter changes are missed more often (simulated from the model of what is usual here)."
    if rise and fall:
        return f"{looks}, a lasting {rise} would be seen in 8 of 10 cases, and so would a {fall}. {smaller}"
    if rise:
        return (
            f"{looks}, a lasting {rise} would be seen in 8 of 10 cases; of falls not even one to almost nothing would: "
            f"too little is usual, or too little known. {smaller}"
        )
    if fall:
        return f"{looks}, a lasting {fall} would be seen in 8 of 10 cases; no rise that was tried would. {smaller}"
    return f"{looks}, no lasting change of any size that was tried would be seen in 8 of 10 cases."


def _risen(power: Power, unit: str) -> str:
    if power.rise is None:
        return ""
    if power.family is Family.COUNT:
        share = power.rise / power.usual - 1
        return f"rise of {_percent(share)} %" if share < ALMOST else f"rise to {rounded(share + 1)} times the usual"
    return f"rise from {number(power.usual, unit)} to {number(power.rise, unit)}"


def _fallen(power: Power, unit: str) -> str:
    if power.fall is None:
        return ""
    if power.family is Family.COUNT:
        share = 1 - power.fall / power.usual
        return f"fall of {_percent(share)} %" if share < ALMOST else "fall to almost nothing"
    return f"fall from {number(power.usual, unit)} to {number(power.fall, unit)}"


def _percent(share: float) -> int:
    """To the next 5 %: the simulation knows it no better."""
    return 5 * math.ceil(20 * share - 1e-9)


def explains(nuisance: Nuisance) -> str:
    """How much of a change a nuisance could explain."""
    share = nuisance.could_explain
    if share is None:
        return "How much of the change that could explain cannot be told."
    if share < 0.05:
        return "That could explain next to nothing of the change."
    if share > 0.95:
        return "That could explain all of it."
    return f"That could explain up to {_percent(share)} % of the change."


def panel(nuisances: Sequence[Nuisance]) -> list[str]:
    """Everything that could look like the change: what was found, what was not, what cannot be told."""
    if not nuisances:
        return ["What else could look like it was not looked into."]
    found = [n for n in nuisances if n.found]
    absent = [str(n.kind) for n in nuisances if n.share_of_looks == 0]
    unknown = [str(n.kind) for n in nuisances if n.share_of_looks is None]
    lines = [f"{str(n.kind).capitalize()}: {n.text}. {explains(n)}" for n in found]
    if absent:
        lines.append(f"{'Looked for and not found' if found else 'None of these was found'}: {', '.join(absent)}.")
    if unknown:
        lines.append(f"Cannot be told here, as nothing that is kept shows it: {', '.join(unknown)}.")
    return lines


def large(nuisances: Sequence[Nuisance]) -> str:
    """A sentence about what could explain half of the change or more; empty if nothing could."""
    names = [str(n.kind) for n in nuisances if n.found and (n.could_explain or 0.0) >= 0.5]
    return f"Caution: half of it or more could be {' or '.join(names)}." if names else ""


def shared(controls: Sequence[Control]) -> str:
    """A sentence about the controls that share a change; empty if none does."""
    names = [c.label for c in controls if c.verdict is Verdict.SHARED]
    if not names:
        return ""
    where = ", ".join(names)
    return f"It is shared: a control moved the same way ({where}), so what moved it may not be particular to this zone."


def beside(controls: Sequence[Control], unit: str) -> list[str]:
    """What each control says."""
    if not controls:
        return ["There is no control: no reference zone and no control area with this measure."]
    return [_control(c, unit) for c in controls]


def _control(control: Control, unit: str) -> str:
    change, beyond = control.change, control.beyond
    if change is None or beyond is None:
        return (
            f"Control {control.label}: unclear, for it has {counted(control.looks, 'usable look')} in the time of the "
            f"change and {control.before} before it ({LEAST_DURING} and {LEAST_LOOKS} are needed)."
        )
    times, unit = ("times the usual", "") if control.by_ratio else ("against its usual", unit)
    did = f"changed in the same time to {rounded(change.value)} {times} {interval(change.low, change.high)}"
    if not control.by_ratio:
        did = f"changed in the same time by {_signed(change.value, unit)} {interval(change.low, change.high, unit)}"
    left = f"{rounded(beyond.value)} times" if control.by_ratio else _signed(beyond.value, unit)
    rest = f"what is left beside it is {left} {interval(beyond.low, beyond.high, unit)}"
    verdict = {
        Verdict.SHARED: f"shared. It {did}; {rest}, which may be nothing",
        Verdict.OWN: f"not shared, or not as much. It {did}; {rest}, which is more than nothing",
        Verdict.UNCLEAR: f"unclear. It {did}; {rest}",
    }[control.verdict]
    return f"Control {control.label}: {verdict}."


def _signed(value: float, unit: str) -> str:
    return f"{'+' if value > 0 else ''}{rounded(value)}{after(unit)}"
