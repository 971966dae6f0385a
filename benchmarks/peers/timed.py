"""Times the peers; run by `python -m benchmarks kernels` with the Python of `.venv-peers`. Prints one JSON object.

It imports nothing of quaywatch: the other environment has none of it.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable

import numpy as np

DATES, LOOKS = 30, 4.4


def fastest(call: Callable[[], object], runs: int) -> float:
    """Seconds of the fastest of some runs."""
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def omnibus_nd(side: int = 300) -> float:
    """Mpx * date a second of nd's omnibus test on VV and VH without their covariance."""
    import xarray as xr
    from nd.change import OmnibusTest

    rng = np.random.default_rng(1)
    power = (0.05 * rng.gamma(LOOKS, 1 / LOOKS, (2, side, side, DATES))).astype(np.float32)
    none = np.zeros_like(power[0])
    bands = {"C11": power[0], "C22": power[1], "C12__re": none, "C12__im": none}
    scene = xr.Dataset(
        {name: (("y", "x", "time"), band) for name, band in bands.items()},
        coords={"time": np.arange(DATES), "y": np.arange(side), "x": np.arange(side)},
    )
    return DATES * side**2 / 1e6 / fastest(lambda: OmnibusTest(n=4, alpha=0.01).apply(scene), 3)


def cfar_sar_apps(side: int = 1000) -> float:
    """Mpx a second of the cell-averaging CFAR of sar_apps, window 31, guard 11."""
    from sar_apps.SAROceanDetectors import cfar

    sea = np.random.default_rng(1).gamma(LOOKS, 1 / LOOKS, (side, side)).astype(np.float32)
    return side**2 / 1e6 / fastest(lambda: cfar(sea, (1, 1), (11, 11), (31, 31), 1e-6), 3)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    print(json.dumps({"omnibus_nd": omnibus_nd(), "cfar_sar_apps": cfar_sar_apps()}))
