"""Shared by all tests: the profile of hypothesis, and where the real data lie.

Hypothesis: the same examples in every CI run, new ones on every desk; no deadline, the machine is shared.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("desk", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "desk")

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("QUAYWATCH_DATA") or ROOT.parent / "shared" / "data")


def real_data(name: str) -> Path:
    """The folder of a real data set. Without it the test is skipped and says so; in CI that is a failure."""
    folder = DATA / name
    if not folder.is_dir():
        why = f"no real data at {folder}: set QUAYWATCH_DATA"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    return folder


@pytest.fixture
def latakia() -> Path:
    """Sentinel-1 over a port, three years, four tracks, partial swaths."""
    return real_data("latakia")


@pytest.fixture
def california() -> Path:
    """Float Sentinel-1, VV and VH, 22 dates, nothing changed."""
    return real_data("california-rtc")


@pytest.fixture
def sen2ships() -> Path:
    """Sentinel-2 over three ports, Web Mercator."""
    return real_data("sen2ships")
