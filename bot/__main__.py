"""The command line: run, claim, ask, check, backup, restore."""

import argparse
import asyncio
import gc
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import uvloop

from bot import log
from bot.config import ConfigError, Settings, read_settings
from storage import lock
from storage.database import Database, StoreUnavailable


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that is named and return the exit status: 0 done, 1 failed, 2 wrong settings."""
    options = _parser().parse_args(arguments)
    try:
        settings = read_settings()
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    log.set_up(settings.log_level)
    try:
        return _do(options, settings)
    except StoreUnavailable as error:
        print(f"The database does not answer ({error}): see DATABASE_URL.", file=sys.stderr)
    except lock.StoreInUse as error:
        print(error, file=sys.stderr)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    """Return what understands the arguments."""
    parser = argparse.ArgumentParser(prog="aglomeracja", description="Bot Klastra „Aglomeracja”.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="start the bot; Ctrl-C ends it")
    commands.add_parser("claim", help="print a fresh one-time code for /claim")
    commands.add_parser("ask", help="answer JSON lines from standard input")
    commands.add_parser("check", help="say whether everything is set up well")
    copying = commands.add_parser("backup", help="copy the database, also while the bot runs")
    copying.add_argument("file", type=Path, help="the copy: a name that is not taken")
    restoring = commands.add_parser("restore", help="put a copy in the database's place, while nothing runs")
    restoring.add_argument("file", type=Path, help="a copy that `backup` made")
    restoring.add_argument("--yes", action="store_true", help="replace the present database without asking")
    return parser


def _do(options: argparse.Namespace, settings: Settings) -> int:
    """Run the command that was named and return the exit status."""
    match options.command:
        case "backup":
            from bot.copies import back_up

            return back_up(settings, options.file)
        case "restore":
            from bot.copies import restore

            return restore(settings, options.file, agreed=options.yes)
        case command:
            return {"run": _run, "claim": _claim, "ask": _ask, "check": _check}[command](settings)


def _run(settings: Settings) -> int:
    """Start the bot and stay until SIGINT or SIGTERM; one process at a time on a SQLite file."""
    with lock.hold(Database(settings.database_url)):
        return uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> int:
    """Run the bot until a signal ends it."""
    from bot.app import App

    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    app = App(settings)
    try:
        await app.start()
    except OSError as error:
        print(error, file=sys.stderr)
        await app.stop()
        return 1
    _print_welcome(settings, app.server.port, await app.claim_code())
    gc.freeze()  # what is here now stays: no later collection is to hold up a reply by walking through it
    await ended.wait()
    await app.stop()
    return 0


def _print_welcome(settings: Settings, port: int, code: str | None) -> None:
    """Print where the chat is and, while nobody coordinates, how to become the coordinator."""
    from bot.addresses import chat_addresses

    addresses = chat_addresses(settings.public_url, settings.web_host, port)
    print("Czat działa. Otwórz w przeglądarce:", *addresses, sep="\n  ")
    if code is not None:
        print(
            f"Nie ma jeszcze koordynatora. Kto pierwszy napisze w czacie:\n  /claim {code}\nten nim zostanie."
        )
    sys.stdout.flush()


def _claim(settings: Settings) -> int:
    """Print a fresh coordinator's code as the last line."""
    from bot.app import open_database, utc_now
    from storage.claims import Purpose, add_claim

    database = open_database(settings)
    print("Kod jest ważny przez 24 godziny i działa raz. W czacie z botem: /claim KOD")
    print(database.write(lambda session: add_claim(session, Purpose.COORDINATE, utc_now())))
    database.close()
    return 0


def _ask(settings: Settings) -> int:
    """Answer JSON lines."""
    from bot.asking import answer_lines

    return answer_lines(settings, sys.stdin, sys.stdout)


def _check(settings: Settings) -> int:
    """Say in a few lines whether everything is fine."""
    from bot.checking import check

    return asyncio.run(check(settings))


if __name__ == "__main__":
    sys.argv[0] = Path(sys.argv[0]).name
    sys.exit(main())
