"""The database: engines, sessions, the declarative base and the one way to run a unit of work.

A unit of work is a plain function `def work(session)`; it runs in one transaction which `Database` opens
and commits. Nothing else commits.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Enum,
    ExceptionContext,
    Integer,
    MetaData,
    Table,
    create_engine,
    event,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

__all__ = ["Base", "Database", "Session", "StoreUnavailable", "UtcDateTime", "insert_into", "parse_url"]

T = TypeVar("T")

EXPECTED_URL = "expected sqlite:///file.db or postgresql://user:password@host/name"

BUSY_TIMEOUT_MS = 5_000
"""How long a SQLite connection waits for another process's lock, in milliseconds."""

POSTGRES_POOL = 8
"""How many connections on which it writes one process holds to PostgreSQL: so many units of work at once."""

READERS = 4
"""How many further connections a process holds on which it only reads."""

IDLE_SECONDS = 10.0
"""How long a transaction that may write may do nothing on PostgreSQL before the server breaks it off.

A process that hangs keeps the rows which it has changed from the one that takes its place; so long does the
hung one's lease last at least, as it is configured by default. No unit of work thinks for so long between two
statements; building the index of questions, which may on a busy machine, only reads.
"""

BigId = BigInteger().with_variant(Integer, "sqlite")
"""An automatic 64-bit id; SQLite counts automatically only in a column that it calls INTEGER."""


class StoreUnavailable(Exception):
    """The database did not do the work now (locked, disk full, connection lost); it may later."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time, kept in UTC; a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time in UTC, without its zone where the database keeps none (SQLite)."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time in the store must be aware")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return an aware UTC time."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _values(kind: type[StrEnum]) -> list[str]:
    """Return what stands in the store for an enumeration: its values, not its names."""
    return [member.value for member in kind]


class Base(DeclarativeBase):
    """The base of every table; constraint names follow a convention so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads a plain class attribute
        datetime: UtcDateTime,
        dict[str, Any]: JSON(none_as_null=True),
        list[Any]: JSON(none_as_null=True),
        StrEnum: Enum(StrEnum, native_enum=False, length=16, values_callable=_values),
    }


def parse_url(url: str) -> URL:
    """Return `sqlite:///file` or `postgresql://…` with our driver; raises ValueError for anything else."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number, which may be a password
        raise ValueError(EXPECTED_URL) from None
    match parsed.get_backend_name():
        case "sqlite" if parsed.database and ":memory:" not in parsed.database:
            return parsed.set(drivername="sqlite+pysqlite")
        case "postgresql":
            return parsed.set(drivername="postgresql+psycopg")
        case _:
            raise ValueError(EXPECTED_URL)


class Database:
    """The store behind one URL.

    `write` and `read` are synchronous: call them in a thread. On SQLite there is one writing connection,
    so `write` is to be called by one thread at a time; `parallel_writes` says how many may write at once.
    """

    def __init__(self, url: str) -> None:
        """Take the URL as it is configured; no connection is opened yet."""
        self.url = parse_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self.engine = _sqlite_engine(self.url, writes=True)
            self._reader = _sqlite_engine(self.url, writes=False)
            self.parallel_writes = 1
        else:
            self.engine = _postgres_engine(self.url, POSTGRES_POOL)
            event.listen(self.engine, "connect", _limit_idling)
            self._reader = _postgres_engine(self.url, READERS).execution_options(postgresql_readonly=True)
            self.parallel_writes = POSTGRES_POOL

    @property
    def path(self) -> Path | None:
        """The file of a SQLite database, None for PostgreSQL."""
        return Path(self.url.database or "") if self.is_sqlite else None

    def write(self, work: Callable[[Session], T]) -> T:
        """Run a unit of work in one transaction and commit it; whatever it raises rolls it back.

        Raises StoreUnavailable when the database could not do it now.
        """
        with availability(), Session(self.engine, expire_on_commit=False) as session, session.begin():
            return work(session)

    def read(self, work: Callable[[Session], T]) -> T:
        """Run a unit of work that only reads, beside the writers; the database refuses a write in it.

        Raises StoreUnavailable when the database could not do it now.
        """
        with availability(reading=True), Session(self._reader, expire_on_commit=False) as session:
            return work(session)

    def ping(self) -> None:
        """Raise an exception of the driver when the store does not answer."""
        # SQLite does not open the file for a SELECT of nothing.
        look = "SELECT count(*) FROM sqlite_master" if self.is_sqlite else "SELECT 1"
        with self._reader.connect() as connection:
            connection.execute(text(look))

    def close(self) -> None:
        """Close every connection."""
        self._reader.dispose()
        self.engine.dispose()


READ_ONLY = "25006"
"""PostgreSQL, "Error codes": read_only_sql_transaction."""


@contextmanager
def availability(*, reading: bool = False) -> Iterator[None]:
    """Raise StoreUnavailable for what the driver says when it cannot do anything now.

    A write while `reading` is a mistake of the program and no such thing.
    """
    try:
        yield
    except (DBAPIError, PoolTimeoutError) as error:
        if not _is_passing(error) or (reading and _is_refused_write(error)):
            raise
        reason = " ".join(str(error.__cause__ or error).split())  # drivers break their lines
        raise StoreUnavailable(reason) from error


def _is_passing(error: DBAPIError | PoolTimeoutError) -> bool:
    """Return whether the same work may be done later: what failed is not the work itself."""
    return (
        not isinstance(error, DBAPIError)
        or isinstance(error, OperationalError)
        or error.connection_invalidated
        or getattr(error.__cause__, "sqlstate", None) == READ_ONLY  # a server that is not the first any more
    )


def _is_refused_write(error: DBAPIError | PoolTimeoutError) -> bool:
    """Return whether the database refused to write where only reading is allowed."""
    if getattr(error.__cause__, "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY:
        return True
    return getattr(error.__cause__, "sqlstate", None) == READ_ONLY


def _sqlite_engine(url: URL, *, writes: bool) -> Engine:
    """Return an engine for a SQLite file: one connection that writes, or a few that only read."""
    # pysqlite's own transaction handling opens none before a SELECT, which loses updates; it is switched
    # off and BEGIN sent by hand (SQLAlchemy, "Serializable isolation / transactional DDL" of SQLite).
    engine = create_engine(
        url,
        pool_size=1 if writes else READERS,
        max_overflow=0,
        hide_parameters=True,  # messages must not get into logs
        connect_args={"check_same_thread": False, "isolation_level": None},
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA foreign_keys = ON")
        if writes:
            cursor.execute("PRAGMA journal_mode = WAL")
            # A message marked as leaving, an update confirmed: a power cut must not take that back.
            cursor.execute("PRAGMA synchronous = FULL")
        else:
            cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgres_engine(url: URL, connections: int) -> Engine:
    """Return an engine for a PostgreSQL server."""
    engine = create_engine(url, pool_size=connections, pool_pre_ping=True, hide_parameters=True)
    event.listen(engine, "handle_error", _leave_out_detail)
    return engine


def _limit_idling(connection: Any, _record: ConnectionPoolEntry) -> None:
    """Let PostgreSQL break off what hangs in the middle of a transaction."""
    connection.execute(f"SET idle_in_transaction_session_timeout = {round(IDLE_SECONDS * 1_000)}")
    connection.commit()


def _leave_out_detail(context: ExceptionContext) -> None:
    """Shorten PostgreSQL's error to its first line where there is a DETAIL, which quotes the row."""
    error = context.original_exception
    if getattr(getattr(error, "diag", None), "message_detail", None):
        for one in filter(None, (error, context.sqlalchemy_exception)):
            one.args = tuple(str(part).partition("\n")[0] for part in one.args)


def insert_into(session: Session, table: type[Base]) -> postgresql.Insert:
    """Return an INSERT that knows ON CONFLICT, in the dialect of the session's database."""
    return insert_for(dialect_of(session), table)


def dialect_of(session: Session) -> str:
    """Return the name of the session's database: "sqlite" or "postgresql"."""
    return session.get_bind().dialect.name


def insert_for(dialect: str, table: type[Base]) -> postgresql.Insert:
    """Return an INSERT that knows ON CONFLICT, in a dialect.

    SQLite's has the same methods as PostgreSQL's, so it goes by the latter's type. It inserts into the table
    and not as the class: of what every message writes, the ORM's way of inserting takes a third of the time.
    """
    target = cast("Table", table.__table__)
    if dialect == "sqlite":
        return sqlite.insert(target)  # type: ignore[return-value]
    return postgresql.insert(target)
