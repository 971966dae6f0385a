"""What descriptions in a bundle say, in plain sentences."""

from __future__ import annotations

from collections import Counter
from typing import Final

from monitor.alert import Incident, Kind
from monitor.assessment import Outcome
from monitor.exports.assessed import Assessed, Compared, Expected
from monitor.exports.values import Place
from monitor.measures import MEASURES
from monitor.message import NOT_NOTHING, clean, counted, number

SIMULATED: Final = "SIMULATED: no satellite took these pictures."

PIXELS: Final = "Pixels of 10 m show no cargo, no names and no people, and never that a claim is true."

OUTCOMES: Final = {
    Outcome.SUPPORTED: "The looks support what the claim lets one expect, on every baseline.",
    Outcome.PARTLY: (
        "The looks support what the claim lets one expect against some baselines only; "
        "this is neither agreement nor disagreement."
    ),
    Outcome.CONTRADICTED: "The looks leave no room for what the claim lets one expect, on every baseline.",
    Outcome.INCONCLUSIVE: "The looks do not tell whether what the claim lets one expect is there.",
    Outcome.NOT_OBSERVABLE: "Nothing that is measured can tell.",
}


def of_place(place: Place) -> str:
    """How often an AOI was looked at, with the reasons why looks could not be used."""
    usable = sum(look.usable for look in place.looks)
    why = Counter(str(look.reason) for look in place.looks if look.reason is not None)
    reasons = "; ".join(f"{reason}: {n}" for reason, n in sorted(why.items()))
    looked = counted(len(place.looks), "time")
    told = f"{clean(place.aoi.name)} was looked at {looked}; {usable} of the looks are usable."
    unused = f"Not usable: {reasons}." if reasons else ""
    nothing = "" if usable else NOT_NOTHING
    return _joined(SIMULATED if place.simulated else "", told, unused, nothing)


def of_incident(incident: Incident) -> str:
    """What an incident is, in numbers."""
    if incident.kind is Kind.BLIND:
        until = f" until {incident.until:%Y-%m-%d}" if incident.until else ""
        return f"No usable look of {clean(incident.aoi)} came after {incident.onset:%Y-%m-%d}{until}. {NOT_NOTHING}"
    entry = MEASURES.get(incident.measure)
    label, unit = (entry.label, entry.unit) if entry else (clean(incident.measure), "")
    place = f"{clean(incident.aoi)}.{clean(incident.zone)}"
    return (
        f"{str(incident.kind).capitalize()} ({incident.state}) at {place} {_span(incident)}, "
        f"in {counted(len(incident.looks), 'usable look')}: {label} {number(incident.mean, unit)} per usable look, "
        f"where {number(incident.usual, unit)} was usual."
    )


def _span(incident: Incident) -> str:
    first, last = f"{incident.onset:%Y-%m-%d}", f"{incident.until:%Y-%m-%d}" if incident.until else ""
    if first == last:
        return f"on {first}"
    return f"from {first} to {last}" if last else f"from {first} on"


def of_assessment(assessed: Assessed) -> str:
    """What an opinion rests on. A likelihood and a confidence never share a sentence."""
    likelihood = assessed.likelihood
    return _joined(
        f"As of {assessed.as_of:%Y-%m-%d}.",
        OUTCOMES[assessed.outcome],
        *(_expectation(e) for e in assessed.expectations),
        f"What stands against it or in its way: {'; '.join(assessed.doubts)}." if assessed.doubts else "",
        _likelihood(*likelihood) if likelihood else "",
        f"Confidence in the base of this judgment is {assessed.confidence}." if assessed.confidence else "",
        PIXELS,
    )


def _likelihood(word: str, band: str) -> str:
    about = "that the change happened which the claim lets one expect, seen from even odds before looking"
    return f"Likelihood {about}: {word} ({band})."


def _expectation(expected: Expected) -> str:
    compared = "; ".join(_compared(c) for c in expected.comparisons)
    told = f"Expectation {expected.id} ({expected.standing}): {expected.outcome}"
    return f"{told}; {compared}." if compared else f"{told}."


def _compared(compared: Compared) -> str:
    effect = compared.effect
    size = f"effect {effect[0]:.3g} (90 % interval {effect[1]:.3g} to {effect[2]:.3g})" if effect else "no effect told"
    return f"against {compared.baseline}: {compared.counted} of {compared.every} looks count, {size}"


def _joined(*sentences: str) -> str:
    return " ".join(filter(None, map(clean, sentences)))
