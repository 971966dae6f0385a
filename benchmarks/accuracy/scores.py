"""Scores of maps and of matched objects."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Mask = NDArray[np.bool_]


def of_map(changed: Mask, score: NDArray[np.floating], truth: Mask, labelled: Mask | None = None) -> dict[str, Any]:
    """Kappa, PCC, F1 and AUC of a change map; sizes and counts beside them, as they mean little alone.

    Args:
        changed: the map, True = changed.
        score: what ranks the pixels, higher = more likely changed. Same shape.
        truth: True = changed.
        labelled: pixels that have a label; None: all.

    PCC: share of pixels right. Kappa: Cohen (1960). AUC: area under the ROC curve, by ranks (Mann-Whitney), ties half.
    """
    use = np.isfinite(score) if labelled is None else labelled & np.isfinite(score)
    said, is_so, rank = changed[use], truth[use], score[use]
    n, tp = said.size, int((said & is_so).sum())
    fp, fn = int((said & ~is_so).sum()), int((~said & is_so).sum())
    right = (n - fp - fn) / n
    chance = ((tp + fp) * (tp + fn) + (n - tp - fp) * (n - tp - fn)) / n**2
    positives = tp + fn
    ranks = stats.rankdata(rank)[is_so].sum() - positives * (positives + 1) / 2
    return {
        "kappa": round((right - chance) / (1 - chance), 4),
        "pcc": round(right, 4),
        "f1": round(2 * tp / max(1, 2 * tp + fp + fn), 4),
        "auc": round(float(ranks / max(1, positives * (n - positives))), 4),
        "false_alarms": fp,
        "misses": fn,
        "changed": positives,
        "pixels": n,
        "size": list(truth.shape),
    }


def of_objects(hits: int, false_alarms: int, misses: int) -> dict[str, float | None]:
    """Precision, recall and F1; None where there is nothing to divide by."""
    found, there = hits + false_alarms, hits + misses
    precision = hits / found if found else None
    recall = hits / there if there else None
    f1 = 2 * hits / (found + there) if found + there else None
    return {
        k: None if v is None else round(v, 4) for k, v in (("precision", precision), ("recall", recall), ("f1", f1))
    }
