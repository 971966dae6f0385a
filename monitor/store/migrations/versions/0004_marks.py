"""What people say of incidents, and what the alerts of an AOI are worth."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Adds the tables."""
    op.create_table("marks",
    sa.Column("id", sa.String(), nullable=False),
    sa.Column("incident", sa.String(), nullable=False),
    sa.Column("kind", sa.String(), nullable=False),
    sa.Column("at", sa.String(), nullable=False),
    sa.Column("said_by", sa.Text(), nullable=False),
    sa.Column("note", sa.Text(), nullable=False),
    sa.Column("until", sa.String(), nullable=True),
    sa.Column("after_look", sa.String(), nullable=True),
    sa.Column("truth", sa.Boolean(), nullable=True),
    sa.Column("logged", sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint("id")
    )
    op.create_index("marks_by_incident", "marks", ["incident"], unique=False)
    op.create_table("calibrations",
    sa.Column("aoi", sa.String(), nullable=False),
    sa.Column("at", sa.String(), nullable=False),
    sa.Column("body", sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint("aoi")
    )


def downgrade() -> None:
    """Drops them."""
    op.drop_table("calibrations")
    op.drop_index("marks_by_incident", table_name="marks")
    op.drop_table("marks")
