"""Accounts that are linked, preferred channels, on which account something was done, codes with a purpose."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

DONE_ON_ACCOUNTS = ("attendance", "application")


def upgrade() -> None:
    """Make the change: codes so far make coordinators, and each person has done all on one account."""
    op.create_table(
        "link",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("coordinates", sa.Boolean(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=True),
        sa.Column("wants_announcements", sa.Boolean(), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_link_account_id_account")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_link_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_link_person_id_person")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_link")),
    )
    op.add_column("person", sa.Column("preferred_channel", sa.String(), nullable=True))
    for table in (*DONE_ON_ACCOUNTS, "claim"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column("account_id", sa.Integer(), nullable=True))
            name = op.f(f"fk_{table}_account_id_account")
            batch_op.create_foreign_key(name, "account", ["account_id"], ["id"])
    for table in DONE_ON_ACCOUNTS:
        oldest = f"SELECT min(account.id) FROM account WHERE account.person_id = {table}.person_id"  # noqa: S608
        op.execute(f"UPDATE {table} SET account_id = ({oldest})")  # noqa: S608 - names of our own
    with op.batch_alter_table("claim", schema=None) as batch_op:
        batch_op.add_column(sa.Column("purpose", sa.String(16), nullable=False, server_default="coordinate"))
    with op.batch_alter_table("claim", schema=None) as batch_op:
        batch_op.alter_column("purpose", server_default=None)


def downgrade() -> None:
    """Take the change back; what is one person stays one, and only a coordinator's code stays good."""
    op.execute("DELETE FROM claim WHERE purpose <> 'coordinate'")
    with op.batch_alter_table("claim", schema=None) as batch_op:
        batch_op.drop_column("purpose")
    for table in ("claim", *DONE_ON_ACCOUNTS):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_constraint(op.f(f"fk_{table}_account_id_account"), type_="foreignkey")
            batch_op.drop_column("account_id")
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.drop_column("preferred_channel")
    op.drop_table("link")
