"""Every look that was used, kept on disk: its pixels as a 16-bit GeoTIFF, and a record of where they are from.

What is measured is always what was kept, so a second run needs no network and gives the same numbers.
"""

from monitor.archive.keeper import Archive
from monitor.archive.retention import Entry, Pruned, Retention

__all__ = ["Archive", "Entry", "Pruned", "Retention"]
