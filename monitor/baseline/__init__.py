"""What is usual for one zone and measure, and the law of one more number.

All tracks of a zone share one baseline: each has its own offset in it, so that rates of different geometry are never
mixed. Rates are per usable look, never per day.
"""

from monitor.baseline.family import (
    SMALLEST_SPREAD,
    Family,
    as_measured,
    compared,
    from_model_scale,
)
from monitor.baseline.habits import Lesson, next_milestone, of_lessons, told_anew
from monitor.baseline.laws import CountLaw, NormalLaw, PresenceLaw
from monitor.baseline.model import (
    LEAST_LOOKS,
    LEVEL,
    PRIORS,
    SHIFT,
    Baseline,
    Forecast,
    Habits,
    Wander,
    days_since_epoch,
    forecast,
    learnt,
    nothing,
    with_shift,
)

__all__ = [
    "LEAST_LOOKS",
    "LEVEL",
    "PRIORS",
    "SHIFT",
    "SMALLEST_SPREAD",
    "Baseline",
    "CountLaw",
    "Family",
    "Forecast",
    "Habits",
    "Lesson",
    "NormalLaw",
    "PresenceLaw",
    "Wander",
    "as_measured",
    "compared",
    "days_since_epoch",
    "forecast",
    "from_model_scale",
    "learnt",
    "next_milestone",
    "nothing",
    "of_lessons",
    "told_anew",
    "with_shift",
]
