"""Pairs of radar images with a map of what changed between them: `*_1.bmp`, `*_2.bmp`, `*_gt.bmp` in one folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.accuracy import scores
from monitor.change import radar_pair

KINDS = frozenset((".bmp", ".png", ".tif", ".tiff", ".jpg", ".jpeg", ".gif", ".pgm"))
"""Image formats that may hold a pair."""


def figures(folder: Path) -> dict[str, Any] | None:
    """Scores of the change map of the pair in a folder; None if the folder holds none, or images of unlike sizes.

    Truth: any value but 0 = changed. Of images with several channels the first counts.
    """
    found = [_only(folder, ending) for ending in ("_1", "_2", "_gt")]
    images = [_read(path) for path in found if path is not None]
    if len(images) < 3 or len({image.shape for image in images}) > 1:
        return None
    before, after, truth = images
    result = radar_pair.changed(before, after)
    made = scores.of_map(result.changed, result.score, truth != 0)
    return made | {"threshold_db": round(result.threshold / radar_pair.LN_PER_DB, 2)}


def _only(folder: Path, ending: str) -> Path | None:
    paths = [p for p in sorted(folder.iterdir()) if p.suffix.lower() in KINDS and p.stem.lower().endswith(ending)]
    return paths[0] if len(paths) == 1 else None


def _read(path: Path) -> NDArray[np.generic]:
    with Image.open(path) as image:
        values = np.asarray(image.convert("RGB") if image.mode == "P" else image)
    return values[..., 0] if values.ndim == 3 else values
