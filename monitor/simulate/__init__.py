"""A SIMULATED port and its archive of imagery, from a seed: what `quaywatch demo` shows and calibration tests use.

    plan = simulate.plan(simulate.Scenario(seed=7))
    truth = simulate.write(folder, plan)
    truth.count("berths", moment)

Importing this is light on files, not on memory: it brings scipy and rasterio.
"""

from monitor.simulate.archive import Progress, read_truth, write
from monitor.simulate.draw import plan, standard_events
from monitor.simulate.optical import render as render_optical
from monitor.simulate.place import AOI_ID, AOI_NAME, Place, features, place, simulated_aoi
from monitor.simulate.radar import render as render_radar
from monitor.simulate.radar import speckle
from monitor.simulate.world import (
    ZONES,
    ContainerStack,
    Event,
    EventKind,
    OpticalPass,
    Plan,
    RadarPass,
    Scenario,
    Ship,
    Truth,
)

__all__ = [
    "AOI_ID",
    "AOI_NAME",
    "ZONES",
    "ContainerStack",
    "Event",
    "EventKind",
    "OpticalPass",
    "Place",
    "Plan",
    "Progress",
    "RadarPass",
    "Scenario",
    "Ship",
    "Truth",
    "features",
    "place",
    "plan",
    "read_truth",
    "render_optical",
    "render_radar",
    "simulated_aoi",
    "speckle",
    "standard_events",
    "write",
]
