"""A homeserver with two bots, the program and the bare echo, and people in encrypted chats with both."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from storage import migrate
from storage.database import Database, Session
from storage.people import Account, Person
from tests.bench.filling import utc_now
from tests.bench.programs import PATIENCE, bot_on_matrix, echo_on_matrix
from tests.bench.stores import Kind
from tests.homeserver.handset import Handset
from tests.homeserver.synapse import Homeserver, synapse_server

LOOK_SECONDS = 0.25


@dataclass(frozen=True)
class Bot:
    """One of the bots: who it is, and the chat that each of the people has with it."""

    user_id: str
    rooms: Sequence[str]


@dataclass(frozen=True)
class Town:
    """The homeserver, its people, of whom the first coordinates, the two bots, and the program's store."""

    server: Homeserver
    people: Sequence[Handset]
    ours: Bot
    bare: Bot
    database: Database

    def ask(self, bot: Bot, number: int, text: str) -> list[str]:
        """Let somebody write to a bot, and return what it answers."""
        self.people[number].writes(bot.rooms[number], text)
        return self.people[number].hears(bot.rooms[number])


@contextmanager
def town(kind: Kind, count: int) -> Iterator[Town]:
    """Run both bots on a homeserver of their own with so many people, each in a chat with each bot."""
    with synapse_server() as server, TemporaryDirectory() as name, kind.new(migrate.upgrade) as url:
        accounts = [server.register(name, with_device=False) for name in ("bot", "echo")]
        people = [Handset(server) for _ in range(count)]
        ours, bare = (
            Bot(account.user_id, [person.opens_chat(account.user_id) for person in people])
            for account in accounts
        )
        folders = [Path(name) / user for user in ("bot", "echo")]
        for account, folder in zip(accounts, folders, strict=True):
            server.lift_limits(account.user_id)
            folder.mkdir()
        with closing(Database(url)) as database:
            database.write(partial(_add, rooms=dict(zip(people, ours.rooms, strict=True))))
            with (
                bot_on_matrix(server, accounts[0], folders[0], url),
                echo_on_matrix(server, accounts[1], folders[1]),
            ):
                for bot in (ours, bare):
                    until(lambda bot=bot: server.count_joined(bot.user_id) == count)  # type: ignore[misc]
                yield Town(server, people, ours, bare, database)


def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds; raises TimeoutError."""
    latest = time.monotonic() + 4 * PATIENCE
    while not condition():
        if time.monotonic() > latest:
            raise TimeoutError("what should happen does not")
        time.sleep(LOOK_SECONDS)


def _add(session: Session, rooms: dict[Handset, str]) -> None:
    """Keep people who are reached in their rooms; the first coordinates."""
    for number, (handset, room_id) in enumerate(rooms.items()):
        person = Person(
            name=f"Osoba {number}",
            locale="pl",
            coordinates=number == 0,
            wants_announcements=True,
            created_at=utc_now(),
        )
        session.add(Account(channel="matrix", sender=handset.user_id, address=room_id, person=person))
