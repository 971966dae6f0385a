"""Which reference a look was compared with, not only of how many looks it was.

Looks of before have an empty digest: the next poll measures them once more.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds the column."""
    op.add_column("looks", sa.Column("reference_digest", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    """Drops it."""
    op.drop_column("looks", "reference_digest")
