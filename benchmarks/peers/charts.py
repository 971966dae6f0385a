"""Runs the charts of nrt and ruptures; run by `python -m benchmarks alarms` with the Python of `.venv-peers`.

Reads a JSON list of series from standard input, {"days": [...], "values": [...], "first": index of the first look
that counts}; prints one JSON object: for each peer and series [looks at which it raised an alarm, looks watched]. A
chart stops at its first alarm, as those of nrt do; a break that PELT finds starts the series anew from there.
It imports nothing of quaywatch: the other environment has none of it.
"""

from __future__ import annotations

import json
import math
import sys
import warnings
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import ruptures  # type: ignore[import-not-found]
import xarray as xr
from nrt.monitor.cusum import CuSum  # type: ignore[import-not-found]
from nrt.monitor.ewma import EWMA  # type: ignore[import-not-found]

Told = list[list[int]]
START = datetime(2018, 1, 1)  # noqa: DTZ001 - nrt takes naive dates
WAVES = 1
"""Yearly wave of the regression: with the two years of history there are, no more and no trend."""


def nrt_chart(chart: Any, series: dict[str, Any], **fitting: Any) -> Told:
    """The first alarm of a chart of nrt that is fitted to the looks before `first`, with its own defaults."""
    days, values, first = series["days"], np.array(series["values"], np.float64), series["first"]
    times = [np.datetime64(START + timedelta(days=d), "ns") for d in days]
    history = xr.DataArray(
        values[:first, None, None], dims=("time", "y", "x"), coords={"time": times[:first], "y": [0.0], "x": [0.0]}
    )
    chart.fit(history, **fitting)
    for look in range(first, len(values)):
        chart.monitor(values[look].reshape(1, 1), START + timedelta(days=days[look]))
        if chart.mask[0, 0] == 3:
            return [[look], [look - first + 1]]
    return [[], [len(values) - first] if chart.mask[0, 0] == 1 else [0]]


def pelt(series: dict[str, Any]) -> Told:
    """Alarms of PELT, run at each look on the series so far: cost of the mean, penalty 2 s^2 log n.

    KernelCPD with the linear kernel is PELT of the l2 cost, in C.
    """
    values, first = np.array(series["values"], np.float64), series["first"]
    spread = float(np.std(values[:first])) or 1.0
    scaled, start, alarms = values / spread, 0, []
    for look in range(8, len(values)):
        part = scaled[start : look + 1]
        if len(part) < 8:
            continue
        breaks = ruptures.KernelCPD(kernel="linear", min_size=3).fit(part[:, None]).predict(pen=2 * math.log(len(part)))
        if len(breaks) > 1:
            start += breaks[-2]
            if look >= first:
                alarms.append(look)
    return [alarms, [len(values) - first]]


def main() -> None:
    """All peers on all series."""
    warnings.filterwarnings("ignore")
    told: dict[str, list[Told]] = {"nrt EWMA": [], "nrt CuSum": [], "ruptures PELT": []}
    for series in json.load(sys.stdin):
        told["nrt EWMA"].append(nrt_chart(EWMA(trend=False, harmonic_order=WAVES), series))
        told["nrt CuSum"].append(nrt_chart(CuSum(trend=False, harmonic_order=WAVES), series, method="OLS"))
        told["ruptures PELT"].append(pelt(series))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
