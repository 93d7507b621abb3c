"""The outbox: a sender for each channel on which this process sends."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from bot.channel import Channel
from bot.leases import Leases
from bot.sender import Sender
from bot.store import Store
from storage.deliveries import Birth, Due


class Outbox:
    """The senders of one process, by channel; `now` tells the aware UTC time."""

    def __init__(
        self, store: Store, channels: Sequence[Channel], leases: Leases, now: Callable[[], datetime]
    ) -> None:
        """Take what is sent through; nothing runs before `start`."""
        self._senders = {channel.name: Sender(channel, store, leases, now) for channel in channels}

    async def start(self) -> None:
        """Begin to send."""
        for sender in self._senders.values():
            await sender.start()

    async def stop(self, seconds: float) -> None:
        """Finish the calls under way, at most so many seconds; the rest is pending again."""
        await asyncio.gather(*(sender.stop(seconds) for sender in self._senders.values()))

    def birth(self, channel: str, address: str) -> Birth:
        """Return how an answer to an address is to be stored now; may be asked in any thread."""
        sender = self._senders.get(channel)
        return sender.birth(address) if sender is not None else Birth()

    def send_now(self, due: Iterable[Due]) -> None:
        """Send answers that were born in the hands of this process, those to one address in order."""
        for one in due:
            self._senders[one.channel].send_now(one)

    def wake(self) -> None:
        """Look into the store now: something was put there."""
        for sender in self._senders.values():
            sender.wake()
