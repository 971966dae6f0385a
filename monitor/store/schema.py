"""Tables of the workspace database. Migrations in `migrations/` bring older databases here."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

HEAD = "0002"
"""Revision of the newest migration."""

looks = Table(
    "looks",
    metadata,
    Column("aoi", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("track", String, nullable=False),
    Column("sensor", String, nullable=False),
    Column("relative_orbit", Integer),
    Column("direction", String, nullable=False),
    Column("polarisation", String, nullable=False),
    Column("platform", String, nullable=False),
    Column("start", String, nullable=False),
    Column("valid_fraction", Float, nullable=False),
    Column("reason", String),
    Column("detail", Text, nullable=False),
    Column("reference_looks", Integer, nullable=False),
    Column("reference_digest", String, nullable=False, server_default=""),
    Index("looks_by_track", "aoi", "track", "start"),
)
"""One row a look. `reference_looks`: how many looks of the track it was compared with, and `reference_digest` which:
a look that arrives late makes it another reference of the same size. Times are ISO 8601 UTC.
"""

scenes = Table(
    "scenes",
    metadata,
    Column("aoi", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("look", String, nullable=False),
    Column("source", String, nullable=False),
    Column("item", Text, nullable=False),
    ForeignKeyConstraint(["aoi", "look"], ["looks.aoi", "looks.id"], ondelete="CASCADE"),
)
"""Each scene belongs to exactly one look of an AOI. `item`: the catalogue's answer as received."""

measurements = Table(
    "measurements",
    metadata,
    Column("aoi", String, primary_key=True),
    Column("look", String, primary_key=True),
    Column("zone", String, primary_key=True),
    Column("measure", String, primary_key=True),
    Column("value", Float),
    Column("unit", String, nullable=False),
    Column("n_valid", Integer, nullable=False),
    Column("valid_fraction", Float, nullable=False),
    Column("recipe", String, nullable=False),
    Column("reason", String),
    ForeignKeyConstraint(["aoi", "look"], ["looks.aoi", "looks.id"], ondelete="CASCADE"),
    Index("measurements_by_series", "aoi", "zone", "measure"),
)

references = Table(
    "references",
    metadata,
    Column("aoi", String, primary_key=True),
    Column("track", String, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("digest", String, nullable=False),
    Column("recipe", String, nullable=False),
    Column("state", LargeBinary, nullable=False),
)
"""State of a track after its first `position` looks, which have that digest."""

incidents = Table(
    "incidents",
    metadata,
    Column("id", String, primary_key=True),
    Column("aoi", String, nullable=False),
    Column("zone", String, nullable=False),
    Column("measure", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("state", String, nullable=False),
    Column("onset", String, nullable=False),
    Column("body", Text, nullable=False),
    Index("incidents_by_aoi", "aoi"),
)

changes = Table(
    "changes",
    metadata,
    Column("id", String, primary_key=True),
    Column("incident", String, nullable=False),
    Column("aoi", String, nullable=False),
    Column("old", String),
    Column("new", String, nullable=False),
    Column("at", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("recorded", String, nullable=False),
    Column("logged", Boolean, nullable=False),
    Column("body", Text, nullable=False),
)
"""Steps in the lives of incidents. `logged`: the line stands in alerts/log/."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("change", String, primary_key=True),
    Column("recipient", String, primary_key=True),
    Column("incident", String, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before", String, nullable=False),
    Column("error", Text, nullable=False),
    Column("message_id", String, nullable=False),
)
"""At most one message a change and recipient: `waiting`, `sending`, `sent`, `failed`."""

polls = Table(
    "polls",
    metadata,
    Column("aoi", String, primary_key=True),
    Column("last", String),
    Column("next", String, nullable=False),
    Column("problem", Text, nullable=False),
    Index("polls_due", "next"),
)
"""When an AOI was and will be polled."""
