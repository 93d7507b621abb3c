"""Leases, runs that can be paused, and the indexes by which runs take turns."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

PENDING: dict[str, Any] = {
    "sqlite_where": sa.text("state = 'pending'"),
    "postgresql_where": sa.text("state = 'pending'"),
}
ALONE: dict[str, Any] = {
    "sqlite_where": sa.text("run_id IS NULL"),
    "postgresql_where": sa.text("run_id IS NULL"),
}


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "lease",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_index("ix_delivery_pending", "delivery", **PENDING)
    op.create_index(
        "ix_delivery_pending", "delivery", ["run_id", "channel", "priority", "id", "due_at"], **PENDING
    )
    op.drop_index("ix_delivery_created_at", "delivery")
    op.create_index("ix_delivery_created_at", "delivery", ["created_at"], **ALONE)
    op.create_index("ix_delivery_run_id_state", "delivery", ["run_id", "state"])


def downgrade() -> None:
    """Take the change back; the older program knows neither a run that is done nor one that was stopped."""
    op.execute("UPDATE run SET state = 'filled' WHERE state = 'done'")
    op.execute("UPDATE run SET state = 'skipped' WHERE state = 'stopped'")
    op.drop_index("ix_delivery_run_id_state", "delivery")
    op.drop_index("ix_delivery_created_at", "delivery", **ALONE)
    op.create_index("ix_delivery_created_at", "delivery", ["created_at"])
    op.drop_index("ix_delivery_pending", "delivery", **PENDING)
    op.create_index("ix_delivery_pending", "delivery", ["channel", "priority", "due_at", "id"], **PENDING)
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_column("paused_at")
    op.drop_table("lease")
