"""First tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates all tables."""
    op.create_table('changes',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('incident', sa.String(), nullable=False),
    sa.Column('aoi', sa.String(), nullable=False),
    sa.Column('old', sa.String(), nullable=True),
    sa.Column('new', sa.String(), nullable=False),
    sa.Column('at', sa.String(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('recorded', sa.String(), nullable=False),
    sa.Column('logged', sa.Boolean(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('deliveries',
    sa.Column('change', sa.String(), nullable=False),
    sa.Column('recipient', sa.String(), nullable=False),
    sa.Column('incident', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('not_before', sa.String(), nullable=False),
    sa.Column('error', sa.Text(), nullable=False),
    sa.Column('message_id', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('change', 'recipient')
    )
    op.create_table('incidents',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('aoi', sa.String(), nullable=False),
    sa.Column('zone', sa.String(), nullable=False),
    sa.Column('measure', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('onset', sa.String(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('incidents_by_aoi', 'incidents', ['aoi'], unique=False)
    op.create_table('looks',
    sa.Column('aoi', sa.String(), nullable=False),
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('track', sa.String(), nullable=False),
    sa.Column('sensor', sa.String(), nullable=False),
    sa.Column('relative_orbit', sa.Integer(), nullable=True),
    sa.Column('direction', sa.String(), nullable=False),
    sa.Column('polarisation', sa.String(), nullable=False),
    sa.Column('platform', sa.String(), nullable=False),
    sa.Column('start', sa.String(), nullable=False),
    sa.Column('valid_fraction', sa.Float(), nullable=False),
    sa.Column('reason', sa.String(), nullable=True),
    sa.Column('detail', sa.Text(), nullable=False),
    sa.Column('reference_looks', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('aoi', 'id')
    )
    op.create_index('looks_by_track', 'looks', ['aoi', 'track', 'start'], unique=False)
    op.create_table('polls',
    sa.Column('aoi', sa.String(), nullable=False),
    sa.Column('last', sa.String(), nullable=True),
    sa.Column('next', sa.String(), nullable=False),
    sa.Column('problem', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('aoi')
    )
    op.create_index('polls_due', 'polls', ['next'], unique=False)
    op.create_table('references',
    sa.Column('aoi', sa.String(), nullable=False),
    sa.Column('track', sa.String(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('digest', sa.String(), nullable=False),
    sa.Column('recipe', sa.String(), nullable=False),
    sa.Column('state', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('aoi', 'track')
    )
    op.create_table('measurements',
    sa.Column('aoi', sa.String(), nullable=False),
    sa.Column('look', sa.String(), nullable=False),
    sa.Column('zone', sa.String(), nullable=False),
    sa.Column('measure', sa.String(), nullable=False),
    sa.Column('value', sa.Float(), nullable=True),
    sa.Column('unit', sa.String(), nullable=False),
    sa.Column('n_valid', sa.Integer(), nullable=False),
    sa.Column('valid_fraction', sa.Float(), nullable=False),
    sa.Column('recipe', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['aoi', 'look'], ['looks.aoi', 'looks.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('aoi', 'look', 'zone', 'measure')
    )
    op.create_index('measurements_by_series', 'measurements', ['aoi', 'zone', 'measure'], unique=False)
    op.create_table('scenes',
    sa.Column('aoi', sa.String(), nullable=False),
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('look', sa.String(), nullable=False),
    sa.Column('source', sa.String(), nullable=False),
    sa.Column('item', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['aoi', 'look'], ['looks.aoi', 'looks.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('aoi', 'id')
    )


def downgrade() -> None:
    """Drops them."""
    op.drop_table('scenes')
    op.drop_index('measurements_by_series', table_name='measurements')
    op.drop_table('measurements')
    op.drop_table('references')
    op.drop_index('polls_due', table_name='polls')
    op.drop_table('polls')
    op.drop_index('looks_by_track', table_name='looks')
    op.drop_table('looks')
    op.drop_index('incidents_by_aoi', table_name='incidents')
    op.drop_table('incidents')
    op.drop_table('deliveries')
    op.drop_table('changes')
