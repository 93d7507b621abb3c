"""The calls of the Bot API which this bot makes, on python-telegram-bot's `Bot`."""

import logging
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from telegram import Bot, BotCommand, BotCommandScopeChat, BotCommandScopeDefault

from bot.channels.telegram.render import Keyboard
from bot.channels.telegram.request import READ_SECONDS, AiohttpRequest

ALLOWED_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")
"""What Telegram is asked to send: exactly what `updates.to_incoming` translates."""

BATCH = 100
"""Bot API: getUpdates returns 1 to 100 updates."""

Json = dict[str, Any]

Kind = Literal["photo", "document"]
"""As what a file is sent; Telegram's copy of it can be sent as nothing else (Bot API, "Sending files")."""

_METHODS: dict[Kind, str] = {"photo": "sendPhoto", "document": "sendDocument"}
_NO_PREVIEW = {"is_disabled": True}
# python-telegram-bot wants a token; the real one stays in the request (see there).
_PLACEHOLDER = "hidden"
# At DEBUG python-telegram-bot logs what it sends and gets: people's words, and the webhook's secret.
_quiet = logging.getLogger(__name__)
_quiet.setLevel(logging.INFO)


class Copy(NamedTuple):
    """What Telegram calls a file that was sent before, and as what."""

    kind: Kind
    file_id: str


class Api(Bot):
    """A `Bot` which never sees its token and hands back plain JSON where objects would only cost time.

    Turning one sent message or one batch of updates into python-telegram-bot's objects takes about 0.1 ms
    a message; of a sent message only the id is wanted. All methods raise `telegram.error.TelegramError`.
    """

    __slots__ = ("_http",)
    _LOGGER = _quiet

    def __init__(self, token: str, api_url: str) -> None:
        self._http = AiohttpRequest(token, api_url)
        super().__init__(
            _PLACEHOLDER,
            base_url=lambda _token: "",
            base_file_url=lambda _token: "",
            request=self._http,
            get_updates_request=self._http,
        )

    async def open(self) -> None:
        """Open the connections; without `Bot.initialize`, which also calls Telegram."""
        await self._http.initialize()

    async def close_connections(self) -> None:
        """Close the connections; nothing can be called after this."""
        await self._http.shutdown()

    async def fetch(self, offset: int, *, wait: int, limit: int = BATCH) -> list[Json]:
        """Return updates from `offset` on, waiting `wait` seconds for the first; confirms all before it."""
        request = {"offset": offset, "timeout": wait, "limit": limit, "allowed_updates": ALLOWED_UPDATES}
        updates: list[Json] = await self._http.call("getUpdates", request, wait + READ_SECONDS)
        return updates

    async def say(self, chat: str, text: str, keyboard: Keyboard) -> str:
        """Send HTML `text` as a new message; return its id."""
        return _id_of(await self._http.call("sendMessage", _body(chat, text, keyboard)))

    async def change(self, chat: str, message: str, text: str, keyboard: Keyboard) -> str:
        """Put HTML `text` and `keyboard` in the place of the bot's own message `message`; return its id."""
        body = _body(chat, text, keyboard)
        body["message_id"] = int(message)
        await self._http.call("editMessageText", body)
        return message

    async def enclose(self, chat: str, text: str, keyboard: Keyboard, copy: Copy) -> str:
        """Send what Telegram has, with HTML `text` as its caption; return the message's id."""
        body = _caption_body(chat, text, keyboard) | {copy.kind: copy.file_id}
        return _id_of(await self._http.call(_METHODS[copy.kind], body))

    async def upload(
        self, chat: str, text: str, keyboard: Keyboard, kind: Kind, file: tuple[str, bytes]
    ) -> tuple[str, Copy]:
        """Send a file, given as name and bytes, with HTML `text` as its caption.

        Returns the message's id and what Telegram calls the file from now on.
        """
        body = _caption_body(chat, text, keyboard)
        if kind == "document":  # else Telegram would make a sticker or an animation of some pictures
            body["disable_content_type_detection"] = True
        message = await self._http.upload(_METHODS[kind], body, kind, file)
        kept = message[kind][-1] if kind == "photo" else message[kind]
        return _id_of(message), Copy(kind, str(kept["file_id"]))

    async def caption(self, chat: str, message: str, text: str, keyboard: Keyboard) -> str:
        """Put HTML `text` and `keyboard` below the file of the bot's own message `message`; return its id."""
        body = _caption_body(chat, text, keyboard) | {"message_id": int(message)}
        await self._http.call("editMessageCaption", body)
        return message

    async def download(self, file_id: str, limit: int) -> bytes:
        """Return the bytes of a file that somebody sent; raises TooBig when there are more than `limit`."""
        file = await self._http.call("getFile", {"file_id": file_id})
        return await self._http.download(str(file["file_path"]), limit)

    async def show_menu(
        self, menu: Sequence[tuple[str, str]], *, chat: str | None = None, language: str | None = None
    ) -> None:
        """Show `menu` (names and descriptions of commands) in one chat, or to everybody of a language.

        Without either to everybody whose language has no menu of its own.
        """
        commands = [BotCommand(name, description) for name, description in menu]
        scope = BotCommandScopeDefault() if chat is None else BotCommandScopeChat(int(chat))
        await self.set_my_commands(commands, scope=scope, language_code=language)


def _body(chat: str, text: str, keyboard: Keyboard) -> Json:
    body: Json = {"chat_id": chat, "text": text, "parse_mode": "HTML", "link_preview_options": _NO_PREVIEW}
    if keyboard:
        body["reply_markup"] = {"inline_keyboard": keyboard}
    return body


def _caption_body(chat: str, text: str, keyboard: Keyboard) -> Json:
    body = _body(chat, text, keyboard)
    del body["link_preview_options"]
    body["caption"] = body.pop("text")
    return body


def _id_of(message: Json) -> str:
    return str(message["message_id"])
