"""The bundle of evidence of an assessment."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from monitor import __version__, evidence
from monitor.archive import files as kept
from monitor.archive.record import unsigned
from monitor.assessment import Comparison
from monitor.claim import Expectation, Period
from monitor.claim_page import compared, concluded, headline
from monitor.errors import SourceError
from monitor.evidence import Bundle, BundleKind
from monitor.flow import replay
from monitor.flow.bundles import archived
from monitor.flow.claim_story import Case, facts, pair_of, sampled
from monitor.flow.imagery import Imagery
from monitor.flow.replay_assessment import NARRATIVE, judgment_files
from monitor.measures import MEASURES
from monitor.message import TitledPicture, clean
from monitor.store import Store

LOOKS_TABLE, PARAMETERS, README, ITEMS = "looks.csv", "parameters.json", "README.txt", "items"


def bundle(
    case: Case,
    drawn: Mapping[str, Sequence[TitledPicture]],
    narrative_files: Mapping[str, bytes],
    store: Store,
    imagery: Imagery,
    *,
    now: datetime,
) -> Bundle:
    """The evidence of an assessment: everything it was computed from, what it says, and pictures.

    `narrative_files`: those of the workspace, by name, as they are.
    """
    files = {f"{NARRATIVE}/{name}": content for name, content in narrative_files.items()}
    files |= judgment_files(case.claim.id, case.assessment, case.evidence, case.narrative.frozen)
    files |= {
        f"pictures/{name}-{n}.png": picture.png for name, own in drawn.items() for n, picture in enumerate(own, 1)
    }
    files |= _items(case, store) | _pixels(case, store, imagery)
    files[LOOKS_TABLE] = _looks_table(case)
    files[PARAMETERS] = evidence.as_json(_parameters(case))
    files[README] = _readme(case, now, sorted(files)).encode()
    return Bundle(
        kind=BundleKind.ASSESSMENT,
        id=f"assessment.{case.claim.id}.{case.inputs[:16]}",
        made_at=now,
        version=__version__,
        files=files,
    )


def _pixels(case: Case, store: Store, imagery: Imagery) -> dict[str, bytes]:
    """The pictured looks as they are archived. What is not there any more is left out, as its picture is."""
    files: dict[str, bytes] = {}
    for judged in case.assessment.judged:
        found = pair_of(case, case.claim.expectation(judged.id), store, imagery) if judged.comparisons else None
        if found is None:
            continue
        eyes, looks = found
        for look in looks:
            with contextlib.suppress(SourceError):
                name = f"pixels/{kept.name_of(look.aoi)}-{kept.name_of(look.id)}"
                files[f"{name}.tif"], files[f"{name}.json"] = archived(look, eyes)
    return files


def _parameters(case: Case) -> dict[str, Any]:
    return {
        "claim": case.claim.id,
        "as_of": case.assessment.as_of,
        "inputs_sha256": case.inputs,
        "recipes": {e.measure: MEASURES[e.measure].recipe for e in case.claim.expectations if e.measure in MEASURES},
        "simulated": case.simulated,
        "attribution": case.attribution,
        "software": replay.software(),
    }


def _items(case: Case, store: Store) -> dict[str, bytes]:
    """What the catalogue said of every look that counts somewhere."""
    wanted: dict[str, set[str]] = {}
    for judged in case.assessment.judged:
        of = case.claim.expectation(judged.id)
        for baseline in of.baselines if judged.comparisons else ():
            for period in sampled(case, of, baseline):
                names = {t.observed.look for t in period if t.counted}
                wanted.setdefault(of.zone.partition(".")[0], set()).update(names)
    with store.transaction() as tx:
        return {
            f"{ITEMS}/{kept.name_of(aoi)}-{kept.name_of(look)}.json": evidence.as_json(
                [{"source": source, "item": unsigned(item)} for source, item in tx.items(aoi, look)]
            )
            for aoi, looks in sorted(wanted.items())
            if not aoi.endswith("*")
            for look in sorted(looks)
        }


def _looks_table(case: Case) -> bytes:
    """Every look of every window and baseline with what became of it, for table programs."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["expectation", "period", "look", "time_utc", "track", "value", "use", "why_not", "log_odds"])
    for judged in case.assessment.judged:
        of = case.claim.expectation(judged.id)
        for compared_, baseline in zip(judged.comparisons, of.baselines, strict=False):
            rows.writerows(_looks_rows(case, of, baseline, compared_))
    return text.getvalue().encode()


def _looks_rows(case: Case, of: Expectation, baseline: Period, told: Comparison) -> Iterator[list[Any]]:
    odds = {w.look: w.log_odds for w in told.weights}
    window, base = sampled(case, of, baseline)
    for name, period in ((f"window against {baseline.name}", window), (baseline.name, base)):
        for t in period:
            x = t.observed
            value = "" if x.value is None else x.value
            ratio = odds.get(x.look, 0.0) if period is window else ""
            words = map(clean, (of.id, name, x.look, x.at.isoformat(), x.track))
            yield [*words, value, str(t.use), clean(x.reason), ratio]


def _readme(case: Case, now: datetime, names: Sequence[str]) -> str:
    told = facts(case, {}, now=now)
    lines = [
        f"Evidence of an assessment of the claim {case.claim.id}, as of {case.assessment.as_of:%Y-%m-%d %H:%M} UTC.",
        *(["SIMULATED: nothing here was observed by a satellite."] if case.simulated else []),
        "",
        f'Claim: "{clean(case.claim.text)}" ({clean(case.claim.said_by)}, {case.claim.said_on})',
        "",
        *headline(told),
        "",
        *(
            f"{j.id}: {line}"
            for j in case.assessment.judged
            for line in [
                *concluded(j),
                *(s for c in j.comparisons for s in compared(j, c, told.places[j.zone].place)),
            ]
        ),
        "",
        "Files: " + ", ".join(dict.fromkeys(n.split("/")[0] for n in names)),
        "quaywatch verify FOLDER compares each file with the hash it was written with.",
        "quaywatch replay FOLDER judges the claim again from these files alone, without a network.",
        f"Made {now:%Y-%m-%d %H:%M} UTC by quaywatch {__version__}. {case.attribution}",
    ]
    return "\n".join(lines) + "\n"


def narrative_contents(paths: Sequence[Path]) -> dict[str, bytes]:
    """The files of a narrative by name."""
    return {path.name: path.read_bytes() for path in paths}
