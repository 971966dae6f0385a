"""Pictures of looks and of series, as small PNG files.

The colours are those of Okabe and Ito, which people with any kind of colour blindness tell apart. matplotlib is
imported when a picture is drawn: importing this package does not load it.
"""

from monitor.pictures.canvas import BANNER, BLUE, GREEN, LARGEST, ORANGE, PURPLE, SKY, STAMP, VERMILION, WIDTH
from monitor.pictures.change_map import ChangeMap, change_picture
from monitor.pictures.difference import difference_picture
from monitor.pictures.expectation import Bar, ExpectationView, LookPoint, Span, expectation_picture
from monitor.pictures.looks import Box, Outline, Snapshot
from monitor.pictures.series import SeriesPoint, series_plot
from monitor.pictures.snapshots import FOOT, HEAD, before_after, look_picture

__all__ = [
    "BANNER",
    "BLUE",
    "FOOT",
    "GREEN",
    "HEAD",
    "LARGEST",
    "ORANGE",
    "PURPLE",
    "SKY",
    "STAMP",
    "VERMILION",
    "WIDTH",
    "Bar",
    "Box",
    "ChangeMap",
    "ExpectationView",
    "LookPoint",
    "Outline",
    "SeriesPoint",
    "Snapshot",
    "Span",
    "before_after",
    "change_picture",
    "difference_picture",
    "expectation_picture",
    "look_picture",
    "series_plot",
]
