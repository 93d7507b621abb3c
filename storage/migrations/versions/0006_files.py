"""Files of announcements, and the platforms' copies of them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("mimetype", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file")),
        sa.UniqueConstraint("token", name=op.f("uq_file_token")),
    )
    op.create_index("ix_file_created_at", "file", ["created_at"])
    op.create_table(
        "file_copy",
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("ref", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name=op.f("fk_file_copy_file_id_file")),
        sa.PrimaryKeyConstraint("file_id", "place", name=op.f("pk_file_copy")),
    )
    with op.batch_alter_table("announcement", schema=None) as batch_op:
        batch_op.add_column(sa.Column("file_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(op.f("fk_announcement_file_id_file"), "file", ["file_id"], ["id"])
    op.create_index("ix_announcement_file_id", "announcement", ["file_id"])


def downgrade() -> None:
    """Take the change back: announcements go on without their files."""
    op.drop_index("ix_announcement_file_id", "announcement")
    with op.batch_alter_table("announcement", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("fk_announcement_file_id_file"), type_="foreignkey")
        batch_op.drop_column("file_id")
    op.drop_table("file_copy")
    op.drop_table("file")
