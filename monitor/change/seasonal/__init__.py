"""What a pixel of an optical track looks like at this time of year, and how unlike that a new look is.

Per pixel and band: an intercept and an annual wave, fitted to all clear looks so far by recursive least squares
(harmonic regression as in Zhu & Woodcock 2014, Remote Sensing of Environment 144, with one wave and no trend: a
lasting change must show, not be explained away). The three sums of squares are kept, never the stack, so that a look
costs the same however long the history. The wave is shrunk to zero as strongly as a prior of WAVE residual standard
deviations would (ridge regression, Hoerl & Kennard 1970): a young history is its mean, and the prediction of a season
that was never seen has a wide margin, so that the first spring is no change.

A clear look that is far off weighs less, but always something (Huber 1964): the state follows a lasting break. Only the
colour of cloud, haze, snow or shadow that the scene classification missed is left out, and that for two looks in a row
at most: a detector that always leaves out its own outliers never comes back. A step of nine standard deviations after
sixty looks is told from the usual for about eight more, and is part of it after thirty.
"""

from monitor.change.seasonal.areas import Changed, changed
from monitor.change.seasonal.comparison import Compared, compared
from monitor.change.seasonal.state import LEAST_LOOKS, VISIBLE, Seasonal, expected, nothing, updated

__all__ = [
    "LEAST_LOOKS",
    "VISIBLE",
    "Changed",
    "Compared",
    "Seasonal",
    "changed",
    "compared",
    "expected",
    "nothing",
    "updated",
]
