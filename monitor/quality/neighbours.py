"""Largest, least, any, all of the pixels around each pixel, in a few passes whatever the size of the window."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from monitor.grid import Mask

T = TypeVar("T", np.float32, np.bool_)


def over_window(values: NDArray[T], joined: Callable[..., NDArray[T]], size: int) -> NDArray[T]:
    """Largest, least, ... of each size x size window inside the image; shape (height - size + 1, width - size + 1).

    By doubling: the window of 2 from neighbours, that of 4 from those of 2, the rest from two that overlap.
    """
    for axis in (0, 1):
        turned, width = np.moveaxis(values, axis, 0), 1
        while width < size:
            step = min(width, size - width)
            turned, width = joined(turned[:-step], turned[step:]), width + step
        values = np.moveaxis(turned, 0, axis)
    return values


def grown(mask: Mask, reach: int) -> Mask:
    """The mask grown by that many pixels to all sides. Shape as given."""
    return over_window(np.pad(mask, reach), np.logical_or, 2 * reach + 1)
