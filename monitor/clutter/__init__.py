"""The sea around each pixel, and how bright a pixel has to be before the sea does not explain it.

ready = prepared(power, water)
sea = sea_around(ready.power, water, evenness=ready.evenness)
out = exceeding(ready.power, water, sea, p_fa=1e-6)
"""

from monitor.clutter.exceeding import CONTRAST_DB, P_FA, exceeding
from monitor.clutter.laws import Law, LawKind
from monitor.clutter.sea import Sea, sea_around
from monitor.clutter.speckle import Prepared, equivalent_looks, prepared, ready, sea_level_db

__all__ = [
    "CONTRAST_DB",
    "P_FA",
    "Law",
    "LawKind",
    "Prepared",
    "Sea",
    "equivalent_looks",
    "exceeding",
    "prepared",
    "ready",
    "sea_around",
    "sea_level_db",
]
