"""Draws the plan of a scenario: ships, stacks and passes, from the seed alone."""

from __future__ import annotations

from monitor.simulate.passes import optical_passes, radar_passes
from monitor.simulate.place import place
from monitor.simulate.traffic import anchored, berthed, stacked
from monitor.simulate.world import (
    Event,
    EventKind,
    Plan,
    Scenario,
    Truth,
)


def standard_events(scenario: Scenario) -> tuple[Event, ...]:
    """A lull in the anchorage in the middle, and a surge (berths, and with them the yard) that lasts to the end.

    In an archive of three years each takes four months, the lull in the second year.
    """
    lull = scenario.at(0.50), scenario.at(0.61)
    surge = scenario.at(0.89), scenario.end
    return (
        Event(kind=EventKind.LULL, zone="anchorage", start=lull[0], end=lull[1], rate_factor=0.12),
        Event(kind=EventKind.SURGE, zone="berths", start=surge[0], end=surge[1], rate_factor=2.9),
        Event(kind=EventKind.SURGE, zone="yard", start=surge[0], end=surge[1], rate_factor=1.9),
    )


def plan(scenario: Scenario) -> Plan:
    """All that chance decides, from the seed alone."""
    events = standard_events(scenario) if scenario.events is None else tuple(scenario.events)
    port = place(scenario.side)
    ships = [*berthed(scenario, port, events), *anchored(scenario, port, events)]
    ships.sort(key=lambda s: (s.arrives, s.id))
    truth = Truth(
        interval=scenario.interval, ships=tuple(ships), stacks=tuple(stacked(scenario, port, events)), events=events
    )
    flown, missed = radar_passes(scenario, port)
    optical = tuple(optical_passes(scenario)) if scenario.optical else ()
    return Plan(scenario=scenario, truth=truth, radar=flown, optical=optical, missed=missed)
