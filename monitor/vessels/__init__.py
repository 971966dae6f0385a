"""Vessels in a look: found in the water, told from what always stands there, measured."""

from monitor.vessels.hulls import Vessel, inside

__all__ = ["Vessel", "inside"]
