"""The sentences about an assessed claim. Each says what the looks bear out and no more.

A likelihood is that of the change which the claim lets one expect, never of the claim itself: no pixel shows what a
ship carried. It is told from even odds, and never in one sentence with the confidence in its base.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from monitor.assessment import (
    Assessment,
    Comparison,
    ConfidenceSentence,
    Doubt,
    Judged,
    LikelihoodSentence,
    Looks,
    Outcome,
)
from monitor.baseline import Family
from monitor.claim import EffectKind, Heading, Standing, unseen
from monitor.claim_page.facts import ClaimFacts, Named
from monitor.measures import MEASURES
from monitor.message import PRESENCE, counted, number, rounded, subject_of, tally
from monitor.message.wording import interval

HEADINGS = {
    Heading.UP: "up, at least {}",
    Heading.DOWN: "down, at least {}",
    Heading.NOT_DOWN: "not down {} or further",
    Heading.NOT_UP: "not up {} or further",
}

SIZES = {
    EffectKind.RATE_RATIO: "to {} times",
    EffectKind.DIFFERENCE: "by {}",
    EffectKind.DIFFERENCE_ROBUST_Z: "by {} standard deviations of a look",
    EffectKind.HECTARES: "by {} ha",
}

STANDINGS = {
    Standing.BEFOREHAND: "It was fixed in the log before its window opened.",
    Standing.POST_HOC: (
        "It was written or changed after its window opened: this is a reading of the past, not a test, and it cannot "
        "come out as supported."
    ),
    Standing.DRAFT: "It is a draft: freeze it before its window opens (`quaywatch claims freeze`).",
}


def headline(facts: ClaimFacts) -> list[str]:
    """The answer, in sentences that may be quoted."""
    told = facts.assessment
    if told.outcome is Outcome.NOT_OBSERVABLE:
        return [
            f"Not observable: {_reasons(told.doubts)}. It is recorded and not scored.",
            "Nothing that is seen here speaks for or against it.",
        ]
    first = max((j for j in told.judged if j.comparisons), key=lambda j: j.weight)
    place = facts.places.get(first.zone, Named(place=first.zone)).place
    lines = [outcome_of(told), *(compared(first, c, place)[0] for c in first.comparisons)]
    if told.likelihood is not None:
        about = f"the change happened which claim {told.claim} lets one expect, starting from even odds"
        lines.append(str(LikelihoodSentence(told.likelihood, about)))
    lines.append(str(ConfidenceSentence(told.confidence, base(facts))))
    return [*lines, f"This does not show {unseen(_measure(told))}."]


def outcome_of(told: Assessment) -> str:
    """The outcome and why."""
    if told.outcome is Outcome.INCONCLUSIVE:
        return f"Inconclusive: {_reasons(told.doubts)}."
    if told.outcome is Outcome.CONTRADICTED:
        return "Contradicted: the looks leave no room for a change as large as was expected, against any baseline."
    if told.outcome is Outcome.PARTLY:
        first = max(told.judged, key=lambda j: j.weight)
        return (
            f"Supported against {' and '.join(map(_quoted, first.against))} only, and not against the other baselines."
        )
    return "Supported: the change that was expected is there, against every baseline."


def _reasons(doubts: Sequence[Doubt]) -> str:
    return "; ".join(dict.fromkeys(map(str, doubts))) or "nothing in it can be measured"


def _measure(told: Assessment) -> str:
    return max(told.judged, key=lambda j: j.weight).measure


def base(facts: ClaimFacts) -> str:
    """What the judgment rests on, as the end of a sentence."""
    scored = [j for j in facts.assessment.judged if j.comparisons]
    if not scored:
        return "there is nothing to rest it on"
    first = max(scored, key=lambda j: j.weight)
    least = min(first.comparisons, key=lambda c: min(c.window.counted, c.base.counted))
    window, old = least.window, least.base
    off = facts.places.get(first.zone, Named(place="")).outline_m
    looks = f"{counted(window.counted, 'independent look')} in the window and {old.counted} in the baseline"
    asked = f"{window.needed} and {old.needed} were asked for"
    controlled = "the controls could be compared" if least.beyond else "no control could be compared"
    drawn = "how good the outline is was not stated" if off is None else f"the outline is good to {max(off, 1.0):g} m"
    fixed = "" if first.standing is Standing.BEFOREHAND else "not "
    return f"{looks}, where {asked}; {controlled}; {drawn}; the expectation was {fixed}fixed beforehand"


def expected(judged: Judged) -> str:
    """What was expected."""
    entry = MEASURES.get(judged.measure)
    what = entry.label if entry else judged.measure.replace("_", " ")
    unit = entry.unit if entry and judged.kind is EffectKind.DIFFERENCE else ""
    wanted = HEADINGS[judged.direction].format(SIZES[judged.kind].format(number(judged.wanted, unit)))
    return f"{what[:1].upper()}{what[1:]}: {wanted}."


def concluded(judged: Judged) -> list[str]:
    """What came of an expectation, and whether it was fixed beforehand."""
    if judged.outcome is Outcome.NOT_OBSERVABLE:
        return [f"Not observable: {_reasons(judged.doubts)}."]
    why = f": {_reasons(judged.doubts)}" if judged.doubts else ""
    return [f"{str(judged.outcome).capitalize()}{why}.", STANDINGS[judged.standing]]


def compared(judged: Judged, comparison: Comparison, place: str) -> list[str]:
    """One comparison in words: the numbers, the effect, the controls, and what could have been seen."""
    if comparison.effect is None:
        return [
            f"Against {_quoted(comparison.baseline)}: no track has looks that count in both periods.",
            *missing(comparison),
        ]
    return [
        " ".join([_numbers(judged, comparison, place), _effect(judged, comparison)]),
        *_controls(judged, comparison),
        _power(judged, comparison),
        *missing(comparison),
    ]


def _numbers(judged: Judged, comparison: Comparison, place: str) -> str:
    window, old = comparison.window, comparison.base
    return (
        f"{place}: {_period(judged.measure, window)} in the window, and {_period(judged.measure, old)} in "
        f"{_quoted(comparison.baseline)}."
    )


def _period(measure: str, looks: Looks) -> str:
    entry = MEASURES[measure]
    rate = number(looks.rate or 0.0, entry.unit)
    every = counted(looks.counted, "look")
    if entry.family is Family.PRESENCE:
        return f"{entry.label.removeprefix(PRESENCE)} on {looks.total:.0f} of {every} ({rate} a look)"
    if entry.family is Family.COUNT:
        return f"{looks.total:.0f} {subject_of(entry.label)} on {every} ({rate} a look)"
    return f"{entry.label} {rate} on average of {every}"


def _effect(judged: Judged, comparison: Comparison) -> str:
    effect = comparison.effect
    if effect is None:
        return ""
    unit = MEASURES[judged.measure].unit if judged.kind is EffectKind.DIFFERENCE else ""
    name = {EffectKind.RATE_RATIO: "Ratio", EffectKind.HECTARES: "Difference in ha"}.get(judged.kind, "Difference")
    chance = f"; chance of this if nothing changed {_p(comparison.p)}" if judged.direction in _PLAIN else ""
    return f"{name} {rounded(effect.value)} {interval(effect.low, effect.high, unit)}{chance}: {comparison.finding}."


_PLAIN = {Heading.UP, Heading.DOWN}


def _p(p: float) -> str:
    """Never 0."""
    return "below 1 in 1,000" if p < 0.001 else f"about {rounded(p)}"


def _controls(judged: Judged, comparison: Comparison) -> Iterator[str]:
    ratio = judged.kind is EffectKind.RATE_RATIO
    for control in comparison.controls:
        if control.change is None:
            yield f"Control {control.zone}: too few looks ({control.window} in the window, {control.base} before)."
        else:
            change = control.change
            word = "ratio" if ratio else "difference"
            yield f"Control {control.zone}: {word} {rounded(change.value)} {interval(change.low, change.high)}."
    if comparison.beyond is not None:
        left = comparison.beyond
        yield f"What is left beside the controls: {rounded(left.value)} {interval(left.low, left.high)}."


def _power(judged: Judged, comparison: Comparison) -> str:
    able = f"With these looks a change of the expected size would be told from none in {_tenths(comparison.power)}"
    if comparison.detectable is None:
        return f"{able}; no change of any size would be in 8 of 10 cases."
    smallest = SIZES[judged.kind].format(rounded(comparison.detectable))
    return f"{able}; the smallest that would be in 8 of 10 cases is one {smallest}."


def _tenths(share: float) -> str:
    n = round(10 * share)
    return {0: "almost no case", 10: "almost every case"}.get(n, f"{n} of 10 cases")


def missing(comparison: Comparison) -> list[str]:
    """Which looks do not count, and why; which are still missing."""
    lines = []
    for name, looks in (("the window", comparison.window), (_quoted(comparison.baseline), comparison.base)):
        short = f" {looks.needed} were asked for." if not looks.enough else ""
        unused: Mapping[str, int] = looks.unused
        why = f" The others: {tally(unused)}." if unused else ""
        lines.append(f"In {name} {looks.counted} of {counted(looks.every, 'look')} count.{short}{why}")
    return lines


def _quoted(name: str) -> str:
    return f"“{name}”"
