"""A whole back-fill, as a process of its own, and the same command again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import places


def run(folder: Path, _pictures: Path | None) -> dict[str, Any]:
    """Figures: looks, unusable, wall_s, max_rss_mb, second_run_new_looks, second_run_s."""
    days = sorted(i["properties"]["datetime"][:10] for i in places.items(folder))
    with places.workspace(folder, places.port(folder)) as root:
        words = ("backfill", "bench", "--since", days[0], "--until", days[-1], "--as-of", days[-1], "--json")
        first, wall, rss = timed(places.command(root, *words))
        second, again, _ = timed(places.command(root, *words))
    return {
        "looks": first["new_looks"],
        "unusable": first["unusable"],
        "wall_s": round(wall, 1),
        "max_rss_mb": round(rss),
        "second_run_new_looks": second["new_looks"] + second["remeasured"],
        "second_run_s": round(again, 1),
    }


def timed(words: list[str]) -> tuple[dict[str, Any], float, float]:
    """The JSON answer of a command, its seconds, and its largest resident memory, MB (1e6 bytes)."""
    start = time.monotonic()
    process = subprocess.Popen(words, stdout=subprocess.PIPE)
    assert process.stdout is not None
    text = process.stdout.read()
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(words)} ended with {process.returncode}")
    answer = json.loads(text)
    return answer[0] if isinstance(answer, list) else answer, time.monotonic() - start, usage.ru_maxrss * 1024 / 1e6
