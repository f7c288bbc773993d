"""Who asked, and under which settings: the caller's key and ids, side requests, the API keys themselves."""

import sqlalchemy as sa
from alembic import op

from store.tables import UtcTime

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

ADDED = ('message', 'key', 'side')


def upgrade() -> None:
    """One step up: of rows from before, nobody knows who asked."""
    for name in ADDED:
        op.add_column('queries', sa.Column(name, sa.String(), nullable=True))
    op.add_column('queries', sa.Column('origin', sa.JSON(), nullable=True))
    op.add_column('decisions', sa.Column('snapshot', sa.String(), nullable=True))
    op.add_column('outcomes', sa.Column('waited', sa.Float(), nullable=False, server_default='0'))
    op.create_index('ix_queries_message', 'queries', ['message'])
    op.create_index('ix_queries_key_at', 'queries', ['key', 'at'])
    op.create_index('ix_queries_at', 'queries', ['at'])
    op.create_table(
        'api_keys',
        sa.Column('id', sa.String(), primary_key=True),
        sa.Column('at', UtcTime(), nullable=False),
        sa.Column('name', sa.String(), nullable=False),
        sa.Column('digest', sa.String(), nullable=False),
        sa.Column('scopes', sa.JSON(), nullable=False),
        sa.Column('models', sa.JSON(), nullable=False),
        sa.Column('requests_per_minute', sa.Integer(), nullable=True),
        sa.Column('period', sa.String(), nullable=False),
        sa.Column('usd', sa.Float(), nullable=True),
        sa.Column('gpu_seconds', sa.Float(), nullable=True),
        sa.Column('tokens', sa.Integer(), nullable=True),
        sa.Column('expires_at', UtcTime(), nullable=True),
        sa.Column('revoked_at', UtcTime(), nullable=True),
        sa.UniqueConstraint('digest', name='uq_api_keys_digest'),
    )


def downgrade() -> None:
    """And back."""
    op.drop_table('api_keys')
    op.drop_column('outcomes', 'waited')
    op.drop_column('decisions', 'snapshot')
    for name in ('ix_queries_at', 'ix_queries_key_at', 'ix_queries_message'):
        op.drop_index(name, 'queries')
    for name in ('origin', *reversed(ADDED)):
        op.drop_column('queries', name)
