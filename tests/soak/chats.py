"""The bot in encrypted chats on a real Synapse, with people who read what it has written to them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.homeserver.handset import Handset
from tests.homeserver.synapse import Homeserver, synapse_server
from tests.soak.programs import PER_SECOND, Program, alive, bot, until


@dataclass
class Chats:
    """The bot on a homeserver; the addresses are the rooms of the people."""

    program: Program
    people: Sequence[Handset]
    addresses: Sequence[str]
    channel: str = "matrix"
    loses: bool = False
    jitter: float = 0.05

    def chats(self) -> dict[str, list[str]]:
        """Return what everybody reads in their chat."""
        read = (person.reads(room_id) for person, room_id in zip(self.people, self.addresses, strict=True))
        return dict(zip(self.addresses, read, strict=True))


@contextmanager
def synapse(folder: Path, database_url: str, lease_seconds: float, people: int) -> Iterator[Chats]:
    """Give a bot on a homeserver of its own, with so many people who have opened a chat with it."""
    with synapse_server() as server, chats_on(server, folder, database_url, lease_seconds, people) as made:
        yield made


@contextmanager
def chats_on(
    server: Homeserver, folder: Path, database_url: str, lease_seconds: float, people: int
) -> Iterator[Chats]:
    """Give a bot on a homeserver, with so many people who have opened a chat with it."""
    account = server.register("bot", with_device=False)
    server.lift_limits(account.user_id)
    settings = {
        "MATRIX_HOMESERVER": server.url,
        "MATRIX_USER": account.user_id,
        "MATRIX_PASSWORD": account.password,
        "MATRIX_PER_SECOND": str(PER_SECOND),
    }
    program = bot(folder, database_url, lease_seconds, None, **settings)
    handsets = [Handset(server) for _ in range(people)]
    rooms = [handset.opens_chat(account.user_id) for handset in handsets]
    with alive(program):
        program.start()
        until(lambda: server.count_joined(account.user_id) == people, program)
        program.end()
    yield Chats(program, handsets, rooms)
