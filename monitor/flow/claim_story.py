"""Everything that is told about an assessed claim: places, pictures, the page, and the bundle of its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor import __version__, pictures
from monitor.aoi import Aoi
from monitor.assessment import Assessment, Comparison, Evidence, Finding, Judged, Use
from monitor.assessment.comparing import change_of
from monitor.assessment.sample import Taken, sample, stay_of
from monitor.assessment.values import Place
from monitor.claim import Claim, EffectKind, Expectation, Narrative, Period
from monitor.claim_page import ClaimFacts, Named
from monitor.errors import SourceError
from monitor.flow import story
from monitor.flow.assessing import digest
from monitor.flow.imagery import Imagery
from monitor.flow.story import SIMULATED, Eyes
from monitor.look import Look
from monitor.measures import MEASURES
from monitor.message import TitledPicture
from monitor.pictures import Bar, ExpectationView, LookPoint, Span
from monitor.site import site
from monitor.store import Store
from monitor.times import Interval

WORDS = {Finding.SUPPORTS: "supports it", Finding.CONTRADICTS: "contradicts it", Finding.NEITHER: "tells neither"}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A claim with all that its assessment rests on."""

    claim: Claim
    assessment: Assessment
    evidence: Evidence
    narrative: Narrative
    aois: Mapping[str, Aoi]
    simulated: bool

    @property
    def inputs(self) -> str:
        """SHA-256 of all that the assessment depends on."""
        return digest(self.claim, self.evidence, self.narrative.frozen, self.assessment.as_of)

    @property
    def attribution(self) -> str:
        """The credit for the imagery of all its looks."""
        years = {x.at.year for looks in self.evidence.looks.values() for x in looks}
        return story.attribution(years, simulated=self.simulated)


def is_simulated(store: Store, of: Claim) -> bool:
    """True if any AOI of the claim holds simulated looks."""
    zones = (z for e in of.expectations for z in (e.zone, *e.controls))
    places = {*of.aois, *(z.partition(".")[0] for z in zones)}
    with store.transaction() as tx:
        return any(
            item.get("properties", {}).get(SIMULATED) for aoi in sorted(places) for _, item in tx.some_items(aoi)
        )


def facts(
    case: Case, drawn: Mapping[str, Sequence[TitledPicture]], *, now: datetime, evidence_at: str = ""
) -> ClaimFacts:
    """What the page and the terminal say."""
    documents = {d.id: d for d in case.narrative.documents}
    return ClaimFacts(
        claim=case.claim,
        assessment=case.assessment,
        document=documents.get(case.claim.document),
        counter=[t for t in case.narrative.timeline if t.id in case.claim.counter],
        places={e.zone: _named(e.zone, case.aois) for e in case.claim.expectations},
        pictures=drawn,
        simulated=case.simulated,
        attribution=case.attribution,
        generated=now,
        version=__version__,
        evidence=evidence_at,
    )


def _named(zone: str, aois: Mapping[str, Aoi]) -> Named:
    aoi, _, part = zone.partition(".")
    if not part or aoi not in aois:
        return Named(place=zone)
    found = aois[aoi].zone(part)
    return Named(place=f"{aois[aoi].name}, {part.replace('_', ' ')}", outline_m=found.uncertainty_m)


# ---------------------------------------------------------------- pictures


def drawn(case: Case, store: Store, imagery: Imagery) -> dict[str, list[TitledPicture]]:
    """The pictures of each expectation that has looks."""
    found: dict[str, list[TitledPicture]] = {}
    for judged in case.assessment.judged:
        if judged.comparisons:
            of = case.claim.expectation(judged.id)
            found[judged.id] = [_judged_picture(case, of, judged), *_pair(case, of, store, imagery)]
    return found


def _judged_picture(case: Case, of: Expectation, judged: Judged) -> TitledPicture:
    view = view_of(case, of, judged)
    return TitledPicture(
        title=f"{judged.id}: the looks, and the effect against each baseline",
        png=pictures.expectation_picture(view, simulated=case.simulated),
        caption="Shaded: the window and the baselines, each with its rate per look that counts.",
    )


def view_of(case: Case, of: Expectation, judged: Judged) -> ExpectationView:
    """What is drawn of an expectation."""
    entry = MEASURES[of.measure]
    samples = [sampled(case, of, b) for b in of.baselines]
    taken = {t.observed.look: t for window, base in samples for t in (*window, *base)}
    counting = {t.observed.look for window, base in samples for t in (*window, *base) if t.use is Use.COUNTED}
    change = change_of(of)
    return ExpectationView(
        title=f"{_named(of.zone, case.aois).place}: {entry.label}",
        unit=entry.unit,
        looks=[
            LookPoint(at=t.observed.at, value=t.observed.value, counted=name in counting)
            for name, t in sorted(taken.items(), key=lambda pair: pair[1].observed.at)
        ],
        window=Span(name="window", intervals=[of.window], rate=judged.comparisons[0].window.rate),
        baselines=[
            Span(name=b.name, intervals=_stretches(base, b), rate=c.base.rate)
            for b, (_, base), c in zip(of.baselines, samples, judged.comparisons, strict=True)
        ],
        bars=[Bar(name=c.baseline, effect=c.effect, words=_bar(c)) for c in judged.comparisons],
        none=change.none,
        wanted=change.wanted,
        by_ratio=judged.kind is EffectKind.RATE_RATIO,
    )


def _bar(compared: Comparison) -> str:
    return WORDS[compared.finding] if compared.effect is not None else "no track in both periods"


def sampled(case: Case, of: Expectation, baseline: Period) -> tuple[Sequence[Taken], Sequence[Taken]]:
    """The looks of the window and of a baseline, with what became of each."""
    looks = case.evidence.looks.get((of.zone, of.measure), ())
    found = sample(looks, of, baseline, stay_of(of, case.evidence.places.get(of.zone, Place()).kind))
    return found.window, found.base


def _stretches(base: Sequence[Taken], period: Period) -> list[Interval]:
    """The baseline; of one that keeps to a season, its seasons as far as they have looks."""
    if not period.same_season or not base:
        return [period.interval]
    years: dict[int, list[datetime]] = {}
    for taken in base:
        years.setdefault(taken.observed.at.year, []).append(taken.observed.at)
    return [Interval(start=min(own), end=max(own)) for own in years.values()]


def pair_of(case: Case, of: Expectation, store: Store, imagery: Imagery) -> tuple[Eyes, tuple[Look, Look]] | None:
    """Two looks of one track, each the nearest to the average of its period: neither the best nor the worst case.

    With what reads them; None: no track has both, or the AOI is gone.
    """
    aoi, _, part = of.zone.partition(".")
    looks = _typical(case, of)
    if looks is None or aoi not in case.aois or not part:
        return None
    eyes = Eyes(store=store, imagery=imagery, site=site(case.aois[aoi]), as_of=case.assessment.as_of)
    with store.transaction() as tx:
        known = {look.id: look for look, _ in tx.looks(aoi)}
    return (eyes, (known[looks[0]], known[looks[1]])) if all(x in known for x in looks) else None


def _pair(case: Case, of: Expectation, store: Store, imagery: Imagery) -> list[TitledPicture]:
    found = pair_of(case, of, store, imagery)
    return [] if found is None else _pair_pictures(case, *found, of.zone.partition(".")[2])


def _pair_pictures(case: Case, eyes: Eyes, looks: tuple[Look, Look], zone: str) -> list[TitledPicture]:
    try:
        before, after = map(eyes.snapshot, looks)
    except SourceError:
        return []
    rings = story.rings(eyes.site.aoi.zone(zone).outline, eyes.site.grid.epsg)
    credit = story.attribution({look.start.year for look in looks}, simulated=case.simulated)
    return [
        TitledPicture(
            title="A look of the first baseline and one of the window, on one track",
            png=pictures.before_after(before, after, rings, simulated=case.simulated, attribution=credit),
            caption="Chosen by their numbers: each is near the average of its period.",
        ),
        TitledPicture(
            title="What differs between the two",
            png=pictures.difference_picture(before, after, rings, simulated=case.simulated, attribution=credit),
            caption="Two looks are two looks: what the numbers above say rests on all that count.",
        ),
    ]


def _typical(case: Case, of: Expectation) -> tuple[str, str] | None:
    window, base = sampled(case, of, of.baselines[0])
    best: tuple[float, str, str] | None = None
    for track in sorted({t.observed.track for t in window if t.counted}):
        (late, off_late), (early, off_early) = (_nearest(p, track) for p in (window, base))
        if best is None or off_late + off_early < best[0]:
            best = off_late + off_early, early, late
    return None if best is None else best[1:]


def _nearest(period: Sequence[Taken], track: str) -> tuple[str, float]:
    counted = [(t.observed.look, t.observed.value) for t in period if t.counted and t.observed.value is not None]
    own = {t.observed.look for t in period if t.observed.track == track}
    mean = sum(v for _, v in counted) / len(counted)
    scale = max(abs(mean), 1e-9)
    return min(((name, abs(v - mean) / scale) for name, v in counted if name in own), key=lambda x: (x[1], x[0]))
