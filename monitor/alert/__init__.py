"""Incidents: lasting changes of a rate, single unusual looks, and times when nothing usable came, each with a life.

kind          state       becomes     when
surge, lull   -           provisional the chart passes its threshold
provisional confirmed   the later looks are 5 times likelier with the change than without, 2 at least
provisional retracted   they are 5 times likelier without it
confirmed   finished    the looks since some look are 20 times likelier without it, or it has lasted
a year and is what is usual now
spike, dip    -           provisional one look is so unusual that chance alone makes few such looks a year
provisional finished    the next usable look came
blind         -           blind       no usable look came for much longer than is usual for this place
blind       finished    a usable look came
any           any         retracted   the series as it stands now no longer shows it (late looks, a better reference)
"""

from monitor.alert.blind import blind_spells
from monitor.alert.calibration import Calibration, Recall
from monitor.alert.chart import (
    LEAST_THRESHOLD,
    Alarm,
    Rule,
    Watch,
    advance,
    incidents,
    proceed,
    raised,
    single_p_for,
    singled,
    summed,
    threshold_for,
)
from monitor.alert.effect import Effect, Passed, effect, likely_first, onset
from monitor.alert.incident import Ending, Incident, Interval90, Kind, State
from monitor.alert.steps import LATE, REASONS, SEEN_AGAIN, Change, reconcile

__all__ = [
    "LATE",
    "LEAST_THRESHOLD",
    "REASONS",
    "SEEN_AGAIN",
    "Alarm",
    "Calibration",
    "Change",
    "Effect",
    "Ending",
    "Incident",
    "Interval90",
    "Kind",
    "Passed",
    "Recall",
    "Rule",
    "State",
    "Watch",
    "advance",
    "blind_spells",
    "effect",
    "incidents",
    "likely_first",
    "onset",
    "proceed",
    "raised",
    "reconcile",
    "single_p_for",
    "singled",
    "summed",
    "threshold_for",
]
