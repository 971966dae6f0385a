"""Vessels in a look: found in the water, told from what always stands there, measured."""

from monitor.vessels.fixed import StaticObject, static_objects, undecidable
from monitor.vessels.hulls import Vessel, inside

__all__ = ["StaticObject", "Vessel", "inside", "static_objects", "undecidable"]
