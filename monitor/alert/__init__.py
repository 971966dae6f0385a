"""Incidents: lasting changes of a zone's rate, with a life; and times when nothing usable came.

A change is found by a two-sided CUSUM over the standard-normal scores of all tracks in order of time (Page 1954).
Its threshold follows from the allowed number of false alarms through Siegmund's formula for the average run
length (Siegmund 1985, "Sequential Analysis", ch. 2: ARL = (exp(2kb) - 2kb - 1) / (2 k^2), b = h + 1.166).

    state         becomes     when
    -             provisional the CUSUM passes the threshold
    provisional   confirmed   2 of the next 3 usable looks lean the same way
    provisional   retracted   2 of the next 3 do not
    confirmed     finished    a CUSUM in the other direction drains it
    -             blind       no usable look came for much longer than is usual for this place
    blind         finished    a usable look came
    any           retracted   the series as it stands now no longer shows it (late looks, a better reference)
"""

from monitor.alert.blind import blind_spells
from monitor.alert.chart import LEAST_THRESHOLD, Rule, Run, Watch, advance, incidents, run_length, threshold_for
from monitor.alert.incident import Incident, Kind, State
from monitor.alert.steps import LATE, REASONS, SEEN_AGAIN, Change, reconcile

__all__ = [
    "LATE",
    "LEAST_THRESHOLD",
    "REASONS",
    "SEEN_AGAIN",
    "Change",
    "Incident",
    "Kind",
    "Rule",
    "Run",
    "State",
    "Watch",
    "advance",
    "blind_spells",
    "incidents",
    "reconcile",
    "run_length",
    "threshold_for",
]
