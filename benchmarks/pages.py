"""Pages of docs/ made from the kept figures.

docs/accuracy.md: the measures; docs/alarms.md: surges, lulls and alerts; docs/figures.md: all else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent.parent / "docs"
Figures = Mapping[str, Any]

SCORES = ("kappa", "pcc", "f1", "auc", "precision", "recall", "count_mae", "length_mae_m")
"""Columns of the table of labelled data."""

LONGEST = 8
"""Entries of a list that a page shows."""

COUNTS = ("pixels", "labels", "labelled", "ships", "scenes", "chips")

ACCURACY = {
    "accuracy": """## Labelled data

One parameter set for all data of a kind. Sets that do not belong to us are read where they lie; see their own terms.
Thresholds of the vessel detectors were chosen while looking at these very sets, so their figures are development
figures: expect somewhat less elsewhere. kappa, PCC and F1 of change maps are per pixel; vessels are matched one to one.
`alongside`: one optical image cannot tell a ship that touches a quay from the quay; the series against the empty berth
can.""",
    "false-alarms": """## False alarms of vessels, and ships found, on a simulated sea

Rate a pixel of the constant false-alarm rate test, nominal against measured, on simulated seas with known truth. What
the detector asks of a vessel on top (contrast, area, peak) makes false vessels much rarer than false pixels.""",
    "california": """## False changes on real radar without change

Sentinel-1 over California, no change on the ground is known: every hit is false. The rain of 2023-01-01 stands apart:
ground that brightens as a whole is weather and is told as such.""",
    "confirm": """## The life of changed ground

The confirmation step (`monitor/change/confirmation.py`) against the golden products of OPERA DIST-S1, fires in Chile
in February 2024: shares of pixels that are identical, bit by bit. The first date is the given start, and the metric is
passed through; on three dates nothing was seen. The same comparison with other parameters than those of the data, at
the end, shows that it can fail.""",
    "fields": """## Clouds and seasons on real optical series

Farmland in Flanders and Tanzania. Nothing here should raise an alert; harvests are real changes of single fields.""",
    "kernels": """## Speed and memory

Each beside the best peer that installs from PyPI, in the same run on the same machine.""",
}


ALARMS = {
    "alarms": """## False alarms, delay and intervals, simulated

AOIs in which nothing changes: ships and stacks come as a Poisson process and stay for some time, with seasons, three
sea states, two or three tracks, missing looks, long gaps, a satellite lost and a new one. Two years of training, four
counted; one to three watched series (counts, presence, yard fill, areas) share the budget. Every alarm is false,
whether it was confirmed later or not. `measured`: false alarms a year of an AOI, with its 90 % interval; `ratio`: over
the budget. Delay: looks from the change to the alarm, 3 years of history, 58 looks a year, one watched series; in the
first table a presence of 0.25 that doubles, with stays of half a day to 2.5 days and no season. Coverage: share of the
90 % intervals, once a change is confirmed, that hold its true date and true ratio (counts and presence; rates 2 to 4
times as high, or a half to a quarter).""",
    "alarms-dir": """## Real counts across the first lockdown

Boats counted by a published model on Sentinel-2 (boat-counts), budget 1 a year, beside the day on which the country
told its people to stay at home. No-one knows the truth of these series.""",
    "confirm": """## Confirmation of alerts""",
    "update": """## Speed""",
    "claims": """## Claims

Ports of which the truth is known, each with a claim of one expectation (twice as many, as counts or as presence),
fixed beforehand, two baselines and a control; looks as above, windows of 90 days to a year. `claim true` is exactly the
expected effect, so that contradicting it is as easy as it can be; `half effect` its square root. `supported` includes
support against some baselines only. Powerless: no comparison could have told the effect in 8 of 10 cases, and its
interval holds both no change and the expected one. Looks removed: 30, 60 and 90 % of each port's, at random.""",
    "tamper": """## Tampering

One byte changed at a time in a simulated workspace (log, pictures, pixels, parameters, manifests, any file of the
evidence): found if `quaywatch verify` names the file, or for the log its folder. Then each bundle is copied to an empty
folder and replayed.""",
}

PEER_COLUMNS = ("peer", "measured", "median_delay_looks", "median_delay_looks_count_doubled", "settings")
BUDGET_COLUMNS = (
    "budget",
    "measured",
    "measured_90",
    "ratio",
    "in_training",
    "confirmed",
    "median_delay_looks",
    "coverage_onset",
    "coverage_ratio",
)
FOUND_COLUMNS = ("kind", "state", "onset", "onset_between", "raised", "until", "mean", "usual", "ratio")


def write(headings: Mapping[str, str]) -> None:
    """Renews all pages. `headings`: what each benchmark is about, by name."""
    kept = {p.stem: json.loads(p.read_text(encoding="utf-8")) for p in sorted((DOCS / "figures").glob("*.json"))}
    _accuracy({n: k for n, k in kept.items() if n in ACCURACY})
    _alarms({n: k for n, k in kept.items() if n in ALARMS})
    _figures({n: k for n, k in kept.items() if n not in ACCURACY and n not in ALARMS}, headings)


def _accuracy(kept: Mapping[str, Any]) -> None:
    lines = ["# Accuracy", "", "Written by `python -m benchmarks NAME [DIR] --docs`; not by hand.", ""]
    for name, text in ACCURACY.items():
        if name not in kept:
            continue
        figures, command = kept[name]["figures"], f"`python -m benchmarks {name}`"
        lines += [*text.splitlines(), "", f"{command} ({kept[name]['machine']})", ""]
        lines += scores(figures) if name == "accuracy" else _tables(figures)
    (DOCS / "accuracy.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def _alarms(kept: Mapping[str, Any]) -> None:
    lines = ["# Alarms", "", "Written by `python -m benchmarks NAME [DIR] --docs`; not by hand.", ""]
    tables = {"alarms": alarms, "alarms-dir": places}
    for name, text in ALARMS.items():
        if name in kept:
            command = name.replace("-dir", " --dir DIR")
            lines += [*text.splitlines(), "", f"`python -m benchmarks {command}` ({kept[name]['machine']})", ""]
            lines += tables.get(name, _tables)(kept[name]["figures"])
    (DOCS / "alarms.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def alarms(figures: Figures) -> list[str]:
    """Tables of the simulated part: budgets, what the false alarms are, delays, coverage, peers."""
    budgets = {f"budget {b['budget']}": b for b in figures["budgets"]}
    lines = _columns(figures["budgets"], BUDGET_COLUMNS)
    split = {
        name: b["ratio_by_family"] | b["by_kind"] | {f"{s} sea": r for s, r in b["by_sea"].items()}
        for name, b in budgets.items()
    }
    lines += ["Ratio to its share of the budget by family; false alarms a year of an AOI by kind and sea:", ""]
    lines += _grid(split, "")
    for name, b in budgets.items():
        lines += _grid(b["delay"], f"delay, {name}")
    for name, b in budgets.items():
        lines += _grid({k: v for k, v in b["coverage"].items() if v.get("changes")}, f"coverage, {name}")
    lines += ["Peers, all without a budget; of an AOI with two series, the mean of the families:", ""]
    lines += _columns(figures["peers"], PEER_COLUMNS)
    return lines + ([figures["peers_missing"], ""] if "peers_missing" in figures else [])


def places(figures: Figures) -> list[str]:
    """One table: a row for each incident, and for each place without one."""
    rows = []
    for place in figures["places"]:
        official = " ".join(filter(None, [place["country"], place["lockdown"], place["note"]]))
        known = {"place": place["place"], "looks": place["looks"], "lockdown": official}
        rows += [{**known, **found} for found in place["found"] or [{"kind": "nothing"}]]
    return _columns(rows, ("place", "looks", "lockdown", *FOUND_COLUMNS))


def _columns(rows: Sequence[Figures], columns: Sequence[str]) -> list[str]:
    """A table of chosen columns; what is not there or not known is left empty."""
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for row in rows:
        cells = ["" if row.get(c) is None else _cell(row[c]) for c in columns]
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def _figures(kept: Mapping[str, Any], headings: Mapping[str, str]) -> None:
    lines = ["# Figures", "", "Written by `python -m benchmarks NAME [DIR] --docs`; not by hand.", ""]
    lines += ["Those of the measures are in [accuracy](accuracy.md), of alerts in [alarms](alarms.md).", ""]
    for name, record in kept.items():
        lines += [f"## {name}", "", f"{headings[name].split(': ')[-1]} ({record['machine']})", ""]
        lines += _list(record["figures"])
    (DOCS / "figures.md").write_text("\n".join(lines), encoding="utf-8")


def scores(figures: Figures) -> list[str]:
    """One table: a row for each part that has a score."""
    lines = ["| set | " + " | ".join(SCORES) + " | of |", "|---" * (len(SCORES) + 2) + "|"]
    for name, part in _scored(figures):
        cells = ["" if part.get(s) is None else str(part[s]) for s in SCORES]
        counts = ", ".join(f"{part[c]} {c}" for c in COUNTS if c in part)
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {counts} |")
    return [*lines, ""]


def _scored(figures: Figures, before: str = "") -> Iterator[tuple[str, Figures]]:
    if any(s in figures for s in SCORES):
        yield before, figures
    for key, value in figures.items():
        if isinstance(value, Mapping):
            yield from _scored(value, f"{before} {key}".strip())


def _tables(figures: Figures, title: str = "") -> list[str]:
    """Tables of a nested set of figures: rows of rows of numbers become a table, the rest a list."""
    rows = {k: v for k, v in figures.items() if isinstance(v, Mapping)}
    plain = {k: v for k, v in figures.items() if k not in rows}
    lines = _list(plain, title) if plain else []
    if rows and all(_flat_row(v) for v in rows.values()):
        return lines + (_grid(rows, title) if _alike(rows) else _list(rows, title))
    for name, part in rows.items():
        lines += _tables(part, f"{title} {name}".strip())
    return lines


def _flat_row(part: Figures) -> bool:
    return not any(isinstance(v, Mapping) for v in part.values())


def _alike(rows: Mapping[str, Figures]) -> bool:
    """True if the rows have most of their columns in common."""
    every = {c for row in rows.values() for c in row}
    return all(2 * len(row) > len(every) for row in rows.values())


def _grid(rows: Mapping[str, Figures], title: str) -> list[str]:
    columns = list(dict.fromkeys(c for row in rows.values() for c in row))
    lines = [f"| {title} | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(_cell(row.get(c, "")) for c in columns) + " |" for name, row in rows.items()]
    return [*lines, ""]


def _list(figures: Figures, title: str = "figure") -> list[str]:
    rows = [f"| {key} | {_cell(value)} |" for key, value in _flat(figures)]
    return [f"| {title or 'figure'} | value |", "|---|---|", *rows, ""]


def _flat(figures: Figures, before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in figures.items():
        if isinstance(value, list) and len(value) > LONGEST:
            continue  # a series: it is in the JSON file
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield before + key, value


def _cell(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
