"""Objects whose id follows from what they say, so that the same state gives the same bundle.

An object whose changes are recorded with their times keeps its id and gets a later `modified`. Any other one gets
another id when it says something else, so that no two copies of one id and `modified` differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid5

from stix2.canonicalization.Canonicalize import canonicalize

Object = dict[str, Any]

NAMESPACE: Final = UUID("9af4bc6c-74d9-417a-9b8c-6878989010e5")
"""Of all ids of domain objects that this module gives."""

OBSERVABLES: Final = UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""The namespace that STIX 2.1 (2.9) prescribes for ids of cyber observables."""

DEFINED: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""`created` of what nobody recorded a time for: names, places, definitions."""


def stamp(at: datetime) -> str:
    """An instant as STIX writes it, to the millisecond."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def named(
    kind: str,
    content: Mapping[str, Any],
    *,
    created: datetime = DEFINED,
    modified: datetime | None = None,
    key: object = None,
) -> Object:
    """A domain or relationship object. `key`: what its id follows from; None: all that it says."""
    return {
        "type": kind,
        "spec_version": "2.1",
        "id": _id(kind, NAMESPACE, content if key is None else key),
        "created": stamp(created),
        "modified": stamp(max(created, modified or created)),
        **content,
    }


def observable(kind: str, content: Mapping[str, Any]) -> Object:
    """A cyber observable: its id follows from all that it says."""
    return {"type": kind, "spec_version": "2.1", "id": _id(kind, OBSERVABLES, content), **content}


def marking(statement: str, creator: str) -> Object:
    """A statement about the rights in what it marks."""
    content = {"definition_type": "statement", "definition": {"statement": statement}, "created_by_ref": creator}
    made = named("marking-definition", content)
    del made["modified"]  # markings have no versions
    return made


def gathered(objects: list[Object]) -> Object:
    """The bundle."""
    return {"type": "bundle", "id": _id("bundle", NAMESPACE, objects), "objects": objects}


def _id(kind: str, namespace: UUID, content: object) -> str:
    canonical = canonicalize([kind, content] if namespace == NAMESPACE else content, utf8=False)
    return f"{kind}--{uuid5(namespace, canonical)}"
