"""The command `check`: says in a few lines whether everything is set up well."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial

from bot.app import build_telegram, matrix_account, matrix_device
from bot.channel import SendError
from bot.config import Settings
from bot.files import Files
from bot.finding import Finding
from bot.store import Store
from storage import devices, migrate
from storage.database import Database

Check = Callable[[Settings], Awaitable[list[Finding]]]
"""Returns what was found of one part or several."""

Look = Callable[[Settings], Awaitable[str]]
"""Returns what was found to be fine; raises CheckError with what is wrong and what to do."""

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class CheckError(Exception):
    """Something is not fine; the text says what and what to do."""


async def check(settings: Settings) -> int:
    """Print a line about each part; return 0 when all are fine, else 1."""
    failed = 0
    for look in CHECKS:
        for finding in await look(settings):
            failed += not finding.fine
            print(f"{'ok' if finding.fine else 'wrong':6} {finding.name}: {finding.text}", flush=True)
    return 1 if failed else 0


def _one(name: str, look: Look) -> Check:
    """Return the check of a part that has one thing to be found out."""

    async def find(settings: Settings) -> list[Finding]:
        try:
            return [Finding(name, await look(settings))]
        except CheckError as error:
            return [Finding(name, str(error), fine=False)]

    return find


async def _database(settings: Settings) -> str:
    """Look whether the database answers."""
    database = Database(settings.database_url)
    if database.path is not None and not database.path.exists():
        if not database.path.parent.is_dir():
            raise CheckError(f"there is no folder {database.path.parent}: see DATABASE_URL")
        return f"{database.path} does not exist yet; the first start makes it"
    try:
        await asyncio.to_thread(database.ping)
    except Exception as error:
        raise CheckError(f"it does not answer ({type(error).__name__}): see DATABASE_URL") from error
    finally:
        database.close()
    return database.url.get_backend_name()


async def _migrations(settings: Settings) -> str:
    """Look whether the tables are the newest."""
    database = Database(settings.database_url)
    if database.path is not None and not database.path.exists():
        return "nothing to migrate"
    try:
        current = await asyncio.to_thread(migrate.is_current, database)
    except Exception as error:
        raise CheckError("unknown while the database does not answer") from error
    if not current:
        raise CheckError("the tables are of another version: start the bot once, it migrates them")
    return "the newest"


async def _clock(settings: Settings) -> str:
    """Look whether the machine's clock can be right."""
    now = datetime.now(UTC)
    if now < EPOCH:
        raise CheckError(f"it says {now:%Y-%m-%d}: set the machine's clock")
    return f"{now.astimezone(settings.zone):%Y-%m-%d %H:%M} {settings.timezone}"


async def _telegram(settings: Settings) -> str:
    """Look whether Telegram knows the token."""
    store = Store(Database(settings.database_url))
    channel = build_telegram(settings, {}, Files(store))
    if channel is None:
        return "not set up (TELEGRAM_TOKEN is empty)"
    try:
        return f"@{await channel.check()}"
    except SendError as error:
        raise CheckError(f"{error}: see TELEGRAM_TOKEN and TELEGRAM_API_URL") from error
    finally:
        await channel.close()
        store.close()


async def _matrix(settings: Settings) -> list[Finding]:
    """Look whether the homeserver lets the bot in, whether others trust the bot, and how fast it may send."""
    if not settings.speaks_matrix:
        return [Finding("matrix", "not set up (MATRIX_HOMESERVER is empty)")]
    from bot.channels.matrix import checking  # noqa: PLC0415 - 25 MB
    from bot.channels.matrix.errors import SetupError  # noqa: PLC0415 - see above

    try:
        account, generation = matrix_account(settings), await asyncio.to_thread(_generation, settings)
    except SetupError as error:
        return [Finding("matrix login", f"{error} See MATRIX_USER and MATRIX_PASSWORD.", fine=False)]
    except CheckError as error:
        return [Finding("matrix", str(error), fine=False)]
    case = checking.Case(account, settings.matrix_folder, generation, settings.matrix_per_second)
    return await checking.check(case)


def _generation(settings: Settings) -> int:
    """Return the last number of this machine's device on Matrix, 0 before the first start.

    Raises CheckError when the database does not say.
    """
    database = Database(settings.database_url)
    if database.path is not None and not database.path.exists():
        return 0
    try:
        return database.read(partial(devices.get_generation, name=matrix_device(settings)))
    except Exception as error:
        raise CheckError("unknown while the database does not answer or has other tables") from error
    finally:
        database.close()


async def _web_port(settings: Settings) -> str:
    """Look whether the web port can be had."""
    try:
        server = await asyncio.start_server(lambda _r, _w: None, settings.web_host, settings.web_port)
    except OSError as error:
        advice = "the bot is running already, or see WEB_PORT"
        raise CheckError(f"{settings.web_port} cannot be had ({error.strerror}): {advice}") from error
    server.close()
    await server.wait_closed()
    return f"{settings.web_port} is free"


CHECKS: tuple[Check, ...] = (
    _one("database", _database),
    _one("migrations", _migrations),
    _one("clock", _clock),
    _one("telegram", _telegram),
    _matrix,
    _one("web port", _web_port),
)
