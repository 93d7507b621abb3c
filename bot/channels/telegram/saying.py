"""One message of the bot on Telegram: a text, or a file with a caption; sent anew or in another one's place.

A file is uploaded with the first message that carries it and goes to everybody else as Telegram's copy.
"""

from collections.abc import Awaitable, Callable

from telegram.error import TelegramError

from bot.channel import Again, Parcel
from bot.channels.telegram.api import Api, Copy, Kind
from bot.channels.telegram.errors import (
    is_no_photo,
    is_not_editable,
    is_unchanged,
    is_unknown_file,
    is_without_text,
)
from bot.channels.telegram.render import CAPTION_LIMIT, Keyboard, split
from bot.channels.telegram.updates import CHANNEL
from bot.files import Files
from handlers.dialogue.message import FileRef

PHOTOS = frozenset({"image/png", "image/jpeg", "image/webp"})
"""What is sent as a photo; a GIF would stand still there."""

LONGEST_SIDES, STEEPEST = 10_000, 20
"""Bot API, sendPhoto: width and height in total at most, and their ratio at most."""

Edit = Callable[[str, str, str, Keyboard], Awaitable[str]]
"""Changes a message of the bot, given as chat and id, and returns its id."""


class Sayer:
    """Sends with `api` what `files` gives; raises TelegramError, or a SendError when a file cannot be had."""

    def __init__(self, api: Api, files: Files) -> None:
        self._api = api
        self._files = files

    async def say(self, parcel: Parcel, text: str, keyboard: Keyboard) -> str:
        """Send HTML `text`, as the caption of the parcel's file if it has one; return the message's id."""
        chat, file = parcel.address, parcel.message.file
        if file is None:
            return await self._api.say(chat, text, keyboard)
        sent = list[str]()

        async def upload(data: bytes) -> dict[str, str]:
            message, copy = await self._upload(chat, text, keyboard, file, data)
            sent.append(message)
            return {"kind": copy.kind, "file_id": copy.file_id}

        known = await self._files.copied(file, CHANNEL, upload)
        return sent[0] if sent else await self._enclose(parcel, file, text, keyboard, Copy(**known))

    async def replace(self, parcel: Parcel, old: str, text: str, keyboard: Keyboard) -> str:
        """Put HTML `text` in the place of the message `old`, or below its file; return the message's id.

        Where that cannot be, it is a new message.
        """
        chat = parcel.address
        edit = self._api.change if parcel.message.file is None else self._api.caption
        try:
            return await _edit(edit, chat, old, text, keyboard)
        except TelegramError as error:
            if is_without_text(error) and len(split(text, CAPTION_LIMIT)) == 1:
                return await _edit(self._api.caption, chat, old, text, keyboard)
            if is_not_editable(error):
                return await self.say(parcel, text, keyboard)
            raise

    async def _enclose(self, parcel: Parcel, file: FileRef, text: str, keyboard: Keyboard, copy: Copy) -> str:
        try:
            return await self._api.enclose(parcel.address, text, keyboard, copy)
        except TelegramError as error:
            if not is_unknown_file(error):
                raise
            await self._files.forget_copy(file, CHANNEL)
            raise Again("Telegram has no copy of the file any more") from error

    async def _upload(
        self, chat: str, text: str, keyboard: Keyboard, file: FileRef, data: bytes
    ) -> tuple[str, Copy]:
        named = (file.name, data)
        if _kind(file) == "photo":
            try:
                return await self._api.upload(chat, text, keyboard, "photo", named)
            except TelegramError as error:
                if not is_no_photo(error):
                    raise
        return await self._api.upload(chat, text, keyboard, "document", named)


async def _edit(edit: Edit, chat: str, old: str, text: str, keyboard: Keyboard) -> str:
    try:
        return await edit(chat, old, text, keyboard)
    except TelegramError as error:
        if is_unchanged(error):
            return old
        raise


def _kind(file: FileRef) -> Kind:
    if file.mimetype not in PHOTOS:
        return "document"
    if file.width is None or file.height is None:
        return "photo"
    sides = sorted((file.width, file.height))
    return "photo" if sum(sides) <= LONGEST_SIDES and sides[1] <= STEEPEST * sides[0] else "document"
