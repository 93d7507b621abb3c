"""A PostgreSQL server of one's own, in a temporary directory, for tests and measurements.

with postgres_server() as server:
    database = Database(server.new_database())

The server listens on a socket in its directory only. It lives for as long as the process that started it
holds a pipe open: however that process ends, the server stops and its directory goes.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from storage import migrate
from storage.database import Database
from tests.stores import Fill

SYSTEM_USER = "postgres"
"""Who runs the server when we are root: PostgreSQL refuses to run as root."""

SETTINGS = """
listen_addresses = ''
max_connections = 100
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
timezone = 'Europe/Warsaw'  # so that a time which is not kept in UTC shows
"""

MEMORY = Path("/dev/shm")  # noqa: S108 - a directory which only we can read is made in it
ENOUGH_MEMORY = 2 * 1024**3
"""Bytes that must be free there: on a disk a new database takes several times as long."""

# $1 is the directory, $2 the settings. `read` waits for the end of the pipe, and so of the caller.
SCRIPT = """
export PGDATA="$1/data"
trap '' PIPE
trap 'exit 1' HUP INT TERM
trap 'pg_ctl stop --mode=immediate --silent 2>/dev/null; rm -rf "$1"' EXIT
set -e
initdb --username=postgres --auth=trust --locale=C.UTF-8 --encoding=UTF8 --no-sync >/dev/null
printf '%s' "$2" >>"$PGDATA/postgresql.conf"
pg_ctl start --log="$1/log" --options="-k '$1'" --silent --wait || { cat "$1/log"; exit 1; }
echo ready
read -r end
"""


class Server:
    """A running server; its databases are made quickly, as copies of one that was filled once."""

    def __init__(self, folder: Path) -> None:
        """Take the directory of the server's socket."""
        self._folder = folder
        self._numbers = count(1)
        self._templates: dict[Fill, str] = {}
        self._connection = psycopg.connect(self._url("postgres"), autocommit=True)

    def new_database(self, template: Fill | None = migrate.upgrade) -> str:
        """Make a database and return its URL: migrated, filled in another way, or empty (None)."""
        return self._url(self._copy("template1" if template is None else self._filled(template)))

    def drop_database(self, url: str) -> None:
        """Drop a database, whoever is still connected to it."""
        name = Database(url).url.database or ""
        self._connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))

    def close(self) -> None:
        """Close the connection by which databases are made."""
        self._connection.close()

    def _filled(self, fill: Fill) -> str:
        """Return the name of a database that was filled in this way."""
        if fill not in self._templates:
            name = self._copy("template1")
            database = Database(self._url(name))
            fill(database)
            database.close()
            self._templates[fill] = name
        return self._templates[fill]

    def _copy(self, template: str) -> str:
        """Return the name of a new copy of a database."""
        name = f"store_{next(self._numbers)}"
        query = SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")  # half the time of the default
        self._connection.execute(query.format(Identifier(name), Identifier(template)))
        return name

    def _url(self, name: str) -> str:
        """Return the URL of a database."""
        return f"postgresql://postgres@/{name}?host={self._folder}"


@contextmanager
def postgres_server() -> Iterator[Server]:
    """Start a server and stop it at the end.

    Raises FileNotFoundError when PostgreSQL is not installed, RuntimeError when it does not start.
    """
    binaries = find_binaries()
    if binaries is None:
        raise FileNotFoundError("PostgreSQL's server is not installed (Debian's package is postgresql)")
    directory = tempfile.TemporaryDirectory(prefix="postgres-", dir=_place(), ignore_cleanup_errors=True)
    with directory as name, _process(binaries, Path(name)) as process:
        _wait(process)
        with closing(Server(Path(name))) as server:
            yield server


def find_binaries() -> Path | None:
    """Return the directory of the newest PostgreSQL server's programs, None where there is none."""
    versions = {int(path.name): path / "bin" for path in Path("/usr/lib/postgresql").glob("[0-9]*")}
    for _, binaries in sorted(versions.items(), reverse=True):
        if (binaries / "initdb").exists():
            return binaries
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def _place() -> Path | None:
    """Return where temporary directories are fast, None for where they usually are."""
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH_MEMORY else None


def _process(binaries: Path, folder: Path) -> Popen[str]:
    """Start the shell that holds the server, as a user who may, out of the reach of the terminal's Ctrl-C."""
    as_user: dict[str, Any] = {}
    if os.getuid() == 0:
        shutil.chown(folder, SYSTEM_USER, SYSTEM_USER)
        as_user = {"user": SYSTEM_USER, "group": SYSTEM_USER, "extra_groups": []}
    return Popen(  # noqa: S603 - our own script
        ["/bin/sh", "-c", SCRIPT, "sh", str(folder), SETTINGS],
        cwd=folder,
        env={"PATH": f"{binaries}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"},
        stdin=PIPE,
        stdout=PIPE,
        stderr=STDOUT,
        text=True,
        start_new_session=True,
        **as_user,
    )


def _wait(process: Popen[str]) -> None:
    """Return once the server takes connections; raises RuntimeError with what it said when it does not."""
    said = ""
    for line in process.stdout or ():
        if line == "ready\n":
            return
        said += line
    raise RuntimeError(f"PostgreSQL does not start: {said}")
