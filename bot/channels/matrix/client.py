"""The bot's client: the bot as a device of its account, and what it can do in rooms.

Every call raises a `MatrixError`; `errors.classify` says what that means for a message that was being sent.
"""

import asyncio
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path

from bot.channels.matrix import attachments
from bot.channels.matrix.api import Homeserver, lookup
from bot.channels.matrix.errors import BadFile, Json, Refused, Unreachable
from bot.channels.matrix.identity import Identity
from bot.channels.matrix.machine import MEGOLM
from bot.channels.matrix.opening import open_device
from bot.channels.matrix.session import Account, Folder, Generation
from bot.channels.matrix.vault import Vault
from bot.channels.matrix.writing import Writer


class Client:
    """The bot of `account`; its device and identity are in `folder`, `generation` tells old copies."""

    def __init__(self, account: Account, folder: Path, generation: Generation) -> None:
        self._account = account
        self._folder = Folder(folder)
        self._held: ExitStack | None = None
        self._opening = asyncio.Lock()
        self.generation = generation
        self.server = Homeserver(account.homeserver)
        self.vault = Vault(self._folder.device, account.store_key)
        self.writer = Writer(self.server, self.vault)
        self.sync_token = ""
        self.is_open = False

    @property
    def user_id(self) -> str:
        """The bot's id, once the client is open."""
        return self.vault.login.user_id

    @property
    def device_id(self) -> str:
        """The id of the bot's device, once the client is open."""
        return self.vault.login.device_id

    async def open(self) -> None:
        """Become a device of the account; a second call changes nothing.

        Raises SetupError with what to do, or another MatrixError when trying again may help.
        """
        async with self._opening:
            if not self.is_open:
                await self._open()

    async def reopen(self) -> None:
        """Log in again after the homeserver has refused the access token, as another device if it must be."""
        async with self._opening:
            self.is_open = False
            await self._open()

    async def close(self) -> None:
        """Let go of the connections and the folder; the client cannot be opened again."""
        self.is_open = False
        await self.server.close()
        await self.vault.close()
        if self._held is not None:
            self._held.close()

    async def _open(self) -> None:
        if self._held is None:
            with ExitStack() as stack:
                stack.enter_context(self._folder.hold())
                self._held = stack.pop_all()
        identity = Identity(self._folder.identity)
        self.sync_token = await open_device(self.server, self.vault, self._account, identity, self.generation)
        self.server.logged_out.clear()
        self.is_open = True

    # Rooms

    async def send(self, room_id: str, kind: str, content: Json, txn_id: str) -> str:
        """Send an event, encrypted if the room is, and return its id.

        The same `txn_id` in the same room is the same event, however often it is sent and whether or not the
        process has ended since, as long as the device is the same (homeservers remember for about a day).
        """
        return await self.writer.send(room_id, kind, content, txn_id)

    async def create_direct(self, user_id: str) -> str:
        """Open an encrypted direct chat with somebody, who is invited to it, and return its id."""
        encryption = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": MEGOLM}}
        body: Json = {
            "preset": "trusted_private_chat",
            "is_direct": True,
            "invite": [user_id],
            "initial_state": [encryption],
        }
        room_id = (await self.server.call("POST", "createRoom", body=body)).get("room_id")
        if not isinstance(room_id, str):
            raise Unreachable("a room was made without an id")
        return room_id

    async def redact(self, room_id: str, event_id: str) -> None:
        """Take an event back; somebody else's only where the bot may (Matrix 1.16, power level `redact`)."""
        await self.server.call("PUT", "rooms", room_id, "redact", event_id, event_id, body={})

    async def join(self, room_id: str) -> None:
        """Accept an invitation."""
        await self.server.call("POST", "rooms", room_id, "join", body={})

    async def leave(self, room_id: str) -> None:
        """Leave a room, or reject an invitation to it."""
        await self.server.call("POST", "rooms", room_id, "leave", body={})

    async def forget(self, room_id: str) -> None:
        """Make the homeserver forget a room that the bot has left: nothing of it comes again."""
        await self.server.call("POST", "rooms", room_id, "forget", body={})

    async def reject(self, room_id: str) -> None:
        """Reject an invitation for good."""
        await self.leave(room_id)
        await self.forget(room_id)

    async def members(self, room_id: str) -> dict[str, str]:
        """Return the people in a room, the bot among them: "join" or "invite" by user id."""
        return await self.writer.members(room_id)

    async def state(self, room_id: str, kind: str, key: str = "") -> Json | None:
        """Return the content of a room's state, None when there is none of this kind."""
        try:
            return await self.server.call("GET", "rooms", room_id, "state", kind, *([key] if key else []))
        except Refused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None

    async def typing(self, room_id: str, seconds: float) -> None:
        """Show for some seconds that the bot is writing; 0 ends it."""
        body: Json = {"typing": True, "timeout": int(seconds * 1000)} if seconds > 0 else {"typing": False}
        await self.server.call("PUT", "rooms", room_id, "typing", self.user_id, body=body)

    async def read(self, room_id: str, event_id: str) -> None:
        """Show that the bot has read up to an event."""
        await self.server.call("POST", "rooms", room_id, "receipt", "m.read", event_id, body={})

    # Files

    async def upload(self, room_id: str, data: bytes, mimetype: str) -> Json:
        """Store a file for a room, encrypted if the room is; return what goes into an event's content."""
        if not await self.writer.is_encrypted(room_id):
            return {"url": await self.server.upload(data, mimetype)}
        locked, file = await asyncio.to_thread(attachments.lock, data)
        return {"file": {**file, "url": await self.server.upload(locked, "application/octet-stream")}}

    async def download(self, content: Json, limit: int) -> bytes:
        """Return the file that an event's content speaks of; raises `BigFile` for over `limit` bytes."""
        file = lookup(content, "file")
        address = (content if file is None else file).get("url")
        if not isinstance(address, str):
            raise BadFile("the event speaks of no file")
        data = await self.server.download(address, limit)
        return data if file is None else await asyncio.to_thread(attachments.unlock, data, file)

    # The account

    async def account_data(self, kind: str) -> Json:
        """Return what the account keeps under a name ("m.direct"), nothing if it keeps nothing."""
        try:
            return await self.server.call("GET", "user", self.user_id, "account_data", kind)
        except Refused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return {}

    async def set_account_data(self, kind: str, content: Json) -> None:
        """Keep something with the account."""
        await self.server.call("PUT", "user", self.user_id, "account_data", kind, body=content)
