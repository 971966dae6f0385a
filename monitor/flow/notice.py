"""All that one message about several incidents needs, gathered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from monitor import __version__
from monitor.alert import Change
from monitor.aoi import Aoi
from monitor.claim import Narrative
from monitor.flow.story import SIMULATED, attribution
from monitor.flow.tell import bearings
from monitor.measures import MEASURES
from monitor.message.group import GroupFacts, Member
from monitor.store import Store


def group_facts(
    store: Store, aois: Mapping[str, Aoi], narrative: Narrative, changes: Sequence[Change], now: datetime
) -> GroupFacts:
    """The facts of a group of steps. An AOI that is gone from the workspace goes by its id."""
    places = sorted({c.incident.aoi for c in changes})
    years: set[int] = set()
    simulated = False
    with store.transaction() as tx:
        for place in places:
            years |= {at.year for _, at in tx.usable_instants(place)}
            simulated |= any(item.get("properties", {}).get(SIMULATED) for _, item in tx.some_items(place))
    return GroupFacts(
        members=[_member(aois, narrative, change) for change in changes],
        simulated=simulated,
        attribution=attribution(years, simulated=simulated),
        generated=now,
        version=__version__,
    )


def _member(aois: Mapping[str, Aoi], narrative: Narrative, change: Change) -> Member:
    incident = change.incident
    entry = MEASURES.get(incident.measure)
    member = Member(
        change=change,
        aoi_name=aois[incident.aoi].name if incident.aoi in aois else incident.aoi,
        zone_label=incident.zone.replace("_", " "),
        measure_label=entry.label if entry else incident.measure,
        unit=entry.unit if entry else "",
    )
    if entry is None:
        return member
    return replace(member, claims=tuple(dict.fromkeys(b.claim.id for b in bearings(narrative, incident))))
