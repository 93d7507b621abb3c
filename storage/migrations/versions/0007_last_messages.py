"""What an edit of the last message of a conversation needs."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.add_column("conversation", sa.Column("last_ref", sa.String(), nullable=True))
    with op.batch_alter_table("conversation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("last", sa.JSON(), nullable=False, server_default="{}"))
    with op.batch_alter_table("conversation", schema=None) as batch_op:
        batch_op.alter_column("last", server_default=None)
    op.create_index("ix_conversation_address", "conversation", ["address"])


def downgrade() -> None:
    """Take the change back."""
    op.drop_index("ix_conversation_address", "conversation")
    with op.batch_alter_table("conversation", schema=None) as batch_op:
        batch_op.drop_column("last")
        batch_op.drop_column("last_ref")
