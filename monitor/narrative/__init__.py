"""Reads `alerts/narrative/*.toml`.

Strict: whatever is misspelt, missing or points nowhere is named with file and line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monitor.aoi import Aoi
from monitor.claim import Narrative
from monitor.narrative.files import NarrativeFile
from monitor.narrative.models import Tables, joined
from monitor.narrative.problems import SHOWN, refusal
from monitor.narrative.references import References

__all__ = ["SHOWN", "read_narrative", "schema"]


def schema() -> dict[str, Any]:
    """The JSON Schema of a narrative file. TOML days are strings of the format "date" in it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "quaywatch narrative",
        **Tables.model_json_schema(by_alias=True),
    }


def read_narrative(files: Sequence[Path], aois: Mapping[str, Aoi] | None = None) -> Narrative:
    """All documents, claims, controls, context and timeline of the files, in their order.

    With `aois` (by id), every AOI and zone that is named must be among them; None: not checked.

    Raises:
        NarrativeError: names file, line and key of up to ten problems, and what to do about them.
    """
    texts = [NarrativeFile(file) for file in files]
    problems = [problem for text in texts for problem in text.problems]
    if all(text.parsed for text in texts):  # else a reference into the broken file would look like a second mistake
        problems += References(texts, aois).problems()
    if problems:
        raise refusal(problems)
    return joined([text.content for text in texts if text.content is not None])
