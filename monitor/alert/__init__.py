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
from monitor.alert.calibration import Calibration, Recall, ShipRecall
from monitor.alert.chart import (
    LEAST_THRESHOLD,
    Alarm,
    Rule,
    Watch,
    advance,
    incidents,
    looks_between,
    proceed,
    raised,
    rule_for,
    singled,
    summed,
)
from monitor.alert.controls import Control, ControlPlace, Verdict, control
from monitor.alert.effect import Effect, Passed, effect, likely_first, onset
from monitor.alert.grouping import groups
from monitor.alert.incident import Ending, Incident, Interval90, Kind, State
from monitor.alert.marks import (
    UNMARKED,
    Mark,
    MarkKind,
    Precision,
    Standing,
    Telling,
    precision,
    snoozed,
    standings,
    telling,
)
from monitor.alert.nuisance import Circumstance, Nuisance, NuisanceKind, brightness, nuisances
from monitor.alert.power import Power, power
from monitor.alert.steps import LATE, REASONS, SEEN_AGAIN, Change, reconcile

__all__ = [
    "LATE",
    "LEAST_THRESHOLD",
    "REASONS",
    "SEEN_AGAIN",
    "UNMARKED",
    "Alarm",
    "Calibration",
    "Change",
    "Circumstance",
    "Control",
    "ControlPlace",
    "Effect",
    "Ending",
    "Incident",
    "Interval90",
    "Kind",
    "Mark",
    "MarkKind",
    "Nuisance",
    "NuisanceKind",
    "Passed",
    "Power",
    "Precision",
    "Recall",
    "Rule",
    "ShipRecall",
    "Standing",
    "State",
    "Telling",
    "Verdict",
    "Watch",
    "advance",
    "blind_spells",
    "brightness",
    "control",
    "effect",
    "groups",
    "incidents",
    "likely_first",
    "looks_between",
    "nuisances",
    "onset",
    "power",
    "precision",
    "proceed",
    "raised",
    "reconcile",
    "rule_for",
    "singled",
    "snoozed",
    "standings",
    "summed",
    "telling",
]
