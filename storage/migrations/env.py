"""Alembic's environment: runs on the connection that `storage.migrate` hands in."""

from typing import Literal

from alembic import context
from sqlalchemy import Enum

from storage import (  # noqa: F401 - every module with tables must be known here
    announcements,
    applications,
    claims,
    conversations,
    deliveries,
    devices,
    files,
    knowledge,
    leases,
    limits,
    links,
    meetings,
    organisations,
    people,
    runs,
)
from storage.database import Base, UtcDateTime


def render_item(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Write our own column types as plain ones: a migration must not change with the program."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, Enum):
        return f"sa.String({item.length})"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
    render_item=render_item,
)
with context.begin_transaction():
    context.run_migrations()
