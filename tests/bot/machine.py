"""A channel that keeps what it is given, and the store around it, for tests of the machine."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta

from markupsafe import Markup

from bot.channel import Channel, Parcel, Receive
from bot.leases import Leases
from bot.outbox import Outbox
from bot.pacer import Pace
from bot.signals import LEASES, OUTBOX, Signals
from bot.store import Store
from handlers.dialogue.markup import plain
from handlers.dialogue.message import Outgoing
from storage import deliveries
from storage.conversations import Caller, ensure_conversation
from storage.database import Database, Session
from storage.deliveries import Birth, Delivery, Due, State, Target

PATIENCE = 20.0
"""Seconds after which something counts as not happening: fewer than the machine sleeps between two looks."""


def utc_now() -> datetime:
    """Return the aware UTC time."""
    return datetime.now(UTC)


class Post:
    """A platform: keeps what was sent; `troubles` are raised for an address, one a call."""

    exclusive = True
    pace: Pace | None = None

    def __init__(self, name: str = "telegram", *, repeatable: bool = False) -> None:
        """Begin with an open door and nothing sent."""
        self.name = name
        self.repeatable = repeatable
        self.sent: list[Parcel] = []
        self.tried: list[Parcel] = []
        self.troubles: dict[str, list[Exception]] = {}
        self.door = asyncio.Event()
        self.door.set()
        self._changed = asyncio.Condition()

    async def open(self) -> None:
        """Be ready always."""

    async def start(self, receive: Receive) -> None:
        """Take no messages."""

    async def stop(self) -> None:
        """Take no messages."""

    async def close(self) -> None:
        """Keep everything."""

    async def send(self, parcel: Parcel) -> str | None:
        """Take a message once the door is open, or raise what is to go wrong."""
        async with self._changed:
            self.tried.append(parcel)
            self._changed.notify_all()
        await self.door.wait()
        if self.troubles.get(parcel.address):
            raise self.troubles[parcel.address].pop(0)
        async with self._changed:
            self.sent.append(parcel)
            self._changed.notify_all()
        return f"ref {parcel.id}"

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return once a condition on what was tried and sent holds."""
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(condition)

    async def has_sent(self, count: int) -> list[str]:
        """Return the texts that were sent, once there are so many."""
        await self.until(lambda: len(self.sent) >= count)
        return [plain(parcel.message.text) for parcel in self.sent]


def add_person(database: Database, address: str, channel: str = "telegram", locale: str = "pl") -> int:
    """Let somebody write for the first time, and return the person's id."""
    caller = Caller(channel, address, address, private=True, name=address, locale=locale)
    return database.write(lambda session: ensure_conversation(session, caller, utc_now())).account.person.id


def body(text: str) -> dict[str, object]:
    """Return a message as the store keeps it."""
    return Outgoing(Markup("{}").format(text)).to_json()


def add_replies(database: Database, birth: Birth, address: str, texts: Iterable[str]) -> list[Due]:
    """Store answers and return those which were born in hand."""
    target = Target("telegram", address, 1)

    def work(session: Session) -> list[Due]:
        born = deliveries.birth_behind(session, target, birth, utc_now())
        stored = [deliveries.add_reply(session, target, body(text), born, utc_now()) for text in texts]
        return [due for due in stored if due.owner is not None]

    return database.write(work)


def add_push(database: Database, address: str, text: str, channel: str = "telegram") -> None:
    """Store a message that nobody waits for."""
    target = Target(channel, address, 1)
    moment = utc_now() - timedelta(seconds=1)
    database.write(lambda session: deliveries.add_pushes(session, [(target, body(text))], moment))


def rows(database: Database) -> list[Delivery]:
    """Return every delivery."""
    return database.read(lambda session: session.query(Delivery).order_by(Delivery.id).all())


def states(database: Database) -> list[State]:
    """Return the state of every delivery."""
    return [row.state for row in rows(database)]


LIFE = 15.0
"""Seconds that a lease lasts in tests, unless they say otherwise."""


class Process:
    """What one process has for sending: a store, leases, signals and an outbox.

    `names` are further leases that it asks for, besides those of its channels.
    """

    def __init__(
        self,
        database: Database,
        *channels: Channel,
        names: Iterable[str] = (),
        now: Callable[[], datetime] = utc_now,
        life: float = LIFE,
    ) -> None:
        """Take what it works on; nothing runs before `start`."""
        self._stopped = False
        self.database = database
        self.store = Store(database)
        wanted = [*names, *(channel.name for channel in channels)]
        self.leases = Leases(self.store, wanted, life, now)
        self.signals = Signals(self.store)
        self.outbox = Outbox(self.store, channels, self.leases, now)
        self.signals.on(OUTBOX, lambda _: self.outbox.wake())
        self.signals.on(LEASES, lambda _: self.leases.wake())

    async def start(self) -> None:
        """Begin to send."""
        await self.signals.start()
        await self.leases.start()
        await self.outbox.start()

    async def stop(self, seconds: float = PATIENCE) -> None:
        """End in order, giving the calls under way so many seconds; a second time does nothing."""
        if self._stopped:
            return
        self._stopped = True
        await self.outbox.stop(seconds)
        await self.leases.stop()
        self.signals.tell(LEASES)
        await self.signals.stop()
        self.store.close()

    def answer(self, address: str, *texts: str) -> None:
        """Store answers on "telegram" and send them, as the dispatcher does."""
        birth = self.outbox.birth("telegram", address)
        due = add_replies(self.database, birth, address, texts)
        self.outbox.send_now(due)
        if len(due) < len(texts):
            self.signals.tell(OUTBOX)


Start = Callable[..., Awaitable[Process]]
"""Starts a process over some channels; `now` and `life` are as `Process` takes them."""
