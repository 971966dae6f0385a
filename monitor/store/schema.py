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
    text,
)

metadata = MetaData()

HEAD = "0004"
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
    Column("version", String, nullable=False, server_default=""),
    ForeignKeyConstraint(["aoi", "look"], ["looks.aoi", "looks.id"], ondelete="CASCADE"),
)
"""Each scene belongs to exactly one look of an AOI. `item`: the catalogue's answer as received. `version`: of the
product, as `Scene.version`; empty in rows from before it was recorded.
"""

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
"""At most one message a change and recipient: `waiting`, `sending`, `sent`, `failed`, or `muted`: a mark has made it
needless. Rows of one recipient with the same `message_id` are told in one message.
"""

marks = Table(
    "marks",
    metadata,
    Column("id", String, primary_key=True),
    Column("incident", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("at", String, nullable=False),
    Column("said_by", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("until", String),
    Column("after_look", String),
    Column("truth", Boolean),
    Column("logged", Boolean, nullable=False),
    Index("marks_by_incident", "incident"),
)
"""What people said of incidents. Rows are only added. `logged`: the line stands in alerts/log/."""

calibrations = Table(
    "calibrations",
    metadata,
    Column("aoi", String, primary_key=True),
    Column("at", String, nullable=False),
    Column("body", Text, nullable=False),
)
"""The newest calibration of each AOI, as JSON."""

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

units = Table(
    "units",
    metadata,
    Column("id", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("month", String, nullable=False),
    Column("what", Text, nullable=False),
    Column("reserved_at", String, nullable=False),
    Column("forecast", Float, nullable=False),
    Column("requests", Integer, nullable=False),
    Column("booked", Float),
    Column("state", String, nullable=False),
    Index("units_by_month", "source", "month"),
)
"""Ledger of processing units: what was set aside before a request, and what it cost. `month`: "2026-11", UTC."""

closures = Table(
    "closures",
    metadata,
    Column("source", String, primary_key=True),
    Column("until", String, nullable=False),
    Column("why", Text, nullable=False),
)
"""Sources that are not asked for a time."""

notices = Table(
    "notices",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("first", String, nullable=False),
    Column("last", String, nullable=False),
    Column("ended", String),
    Column("told", Boolean, nullable=False),
    Index("notices_open", "kind", "subject", unique=True, sqlite_where=text("ended IS NULL")),
)
"""What the operator should know; one open notice of a kind and subject at most."""
