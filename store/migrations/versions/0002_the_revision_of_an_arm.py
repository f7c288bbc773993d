"""The revision of an arm: which version of its model and its prompts answered."""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One step up: rows from before know of no revision."""
    op.add_column('decisions', sa.Column('revision', sa.String(), nullable=True))


def downgrade() -> None:
    """And back."""
    op.drop_column('decisions', 'revision')
