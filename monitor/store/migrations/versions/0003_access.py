"""Versions of scenes, the ledger of processing units, closed sources, and notices to the operator.

Scenes of before have an empty version, which counts as any: their files are not read again for nothing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds the column and the tables."""
    op.add_column("scenes", sa.Column("version", sa.String(), nullable=False, server_default=""))
    op.create_table("units",
    sa.Column("id", sa.String(), nullable=False),
    sa.Column("source", sa.String(), nullable=False),
    sa.Column("month", sa.String(), nullable=False),
    sa.Column("what", sa.Text(), nullable=False),
    sa.Column("reserved_at", sa.String(), nullable=False),
    sa.Column("forecast", sa.Float(), nullable=False),
    sa.Column("requests", sa.Integer(), nullable=False),
    sa.Column("booked", sa.Float(), nullable=True),
    sa.Column("state", sa.String(), nullable=False),
    sa.PrimaryKeyConstraint("id")
    )
    op.create_index("units_by_month", "units", ["source", "month"], unique=False)
    op.create_table("closures",
    sa.Column("source", sa.String(), nullable=False),
    sa.Column("until", sa.String(), nullable=False),
    sa.Column("why", sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint("source")
    )
    op.create_table("notices",
    sa.Column("id", sa.String(), nullable=False),
    sa.Column("kind", sa.String(), nullable=False),
    sa.Column("subject", sa.String(), nullable=False),
    sa.Column("text", sa.Text(), nullable=False),
    sa.Column("first", sa.String(), nullable=False),
    sa.Column("last", sa.String(), nullable=False),
    sa.Column("ended", sa.String(), nullable=True),
    sa.Column("told", sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint("id")
    )
    op.create_index("notices_open", "notices", ["kind", "subject"], unique=True, sqlite_where=sa.text("ended IS NULL"))


def downgrade() -> None:
    """Drops them."""
    op.drop_index("notices_open", table_name="notices")
    op.drop_table("notices")
    op.drop_table("closures")
    op.drop_index("units_by_month", table_name="units")
    op.drop_table("units")
    op.drop_column("scenes", "version")
