"""The bare echo on matrix-nio, as in its documentation: `python -m tests.bench.echo_nio URL USER PASSWORD`.

It joins where it is invited, and says the same. What begins with "everybody N" goes to all its rooms, N at a
time.
"""

import asyncio
import logging
import sys

from nio import InviteMemberEvent, MatrixRoom, RoomMessageText
from nio.client.async_client import AsyncClient, AsyncClientConfig

EVERYBODY = "everybody"


class Echo:
    """The client and what it does when something happens."""

    def __init__(self, client: AsyncClient) -> None:
        """Listen to invitations and texts."""
        self._client = client
        client.add_event_callback(self.join, InviteMemberEvent)  # type: ignore[arg-type]
        client.add_event_callback(self.answer, RoomMessageText)  # type: ignore[arg-type]

    async def join(self, room: MatrixRoom, _: InviteMemberEvent) -> None:
        """Join a room."""
        await self._client.join(room.room_id)

    async def answer(self, room: MatrixRoom, event: RoomMessageText) -> None:
        """Say the same, here or to everybody."""
        if event.sender == self._client.user_id:
            return
        if event.body.startswith(EVERYBODY):
            await self._tell(event.body, int(event.body.split()[1]))
        else:
            await self._say(room.room_id, event.body)

    async def _tell(self, text: str, at_once: int) -> None:
        """Say something in all rooms, in so many at a time."""
        places = asyncio.Semaphore(at_once)

        async def tell(room_id: str) -> None:
            async with places:
                await self._say(room_id, text)

        await asyncio.gather(*(tell(room_id) for room_id in self._client.rooms))

    async def _say(self, room_id: str, text: str) -> None:
        """Say something in a room, whoever's devices they are."""
        content = {"msgtype": "m.text", "body": text}
        await self._client.room_send(room_id, "m.room.message", content, ignore_unverified_devices=True)


async def main(url: str, user: str, password: str) -> None:
    """Log in and answer until the process is ended."""
    logging.getLogger("nio").setLevel(logging.CRITICAL)
    config = AsyncClientConfig(store_sync_tokens=True, encryption_enabled=True)
    client = AsyncClient(url, user, store_path=".", config=config)
    await client.login(password)
    Echo(client)
    await client.sync_forever(timeout=30_000, full_state=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
