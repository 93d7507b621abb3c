"""The methods of the Bot API that the bot calls, each refusing what Telegram refuses."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tests.fake_telegram.entities import Refused, visible, visible_caption
from tests.fake_telegram.people import DATE, Sent

if TYPE_CHECKING:
    from tests.fake_telegram.people import Chat
    from tests.fake_telegram.server import FakeTelegram

Json = dict[str, Any]

_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
_COMMAND = re.compile(r"[a-z0-9_]{1,32}")


class Methods:
    """One coroutine a method, named in small letters: the Bot API takes the names in any case."""

    def __init__(self, fake: FakeTelegram) -> None:
        self._fake = fake

    async def getme(self, _: Json) -> Json:
        """Return the bot."""
        return self._fake.bot

    async def getupdates(self, params: Json) -> list[Json]:
        """Return what waits from `offset` on."""
        self._allow(params)
        offset, limit = int(params.get("offset") or 0), min(100, int(params.get("limit") or 100))
        return await self._fake.queue.fetch(offset, limit, float(params.get("timeout") or 0))

    async def setwebhook(self, params: Json) -> bool:
        """Post updates from now on."""
        if "secret_token" in params and not _SECRET.fullmatch(params["secret_token"]):
            raise Refused("Bad Request: secret token contains unallowed characters")
        self._allow(params)
        self._fake.queue.set_webhook(params if params.get("url") else {})
        return True

    async def deletewebhook(self, _: Json) -> bool:
        """Post no updates any more."""
        self._fake.queue.set_webhook({})
        return True

    async def sendmessage(self, params: Json) -> Json:
        """Show a new message."""
        chat = self._chat(params)
        keyboard = _keyboard(params)
        html, text = _read(str(params.get("text", "")), params.get("parse_mode"))
        return self._show(chat, Sent(self._fake.next_id(), text, html, keyboard))

    async def sendphoto(self, params: Json) -> Json:
        """Show a photo with a caption."""
        return self._send_media("photo", params)

    async def senddocument(self, params: Json) -> Json:
        """Show a file with a caption."""
        return self._send_media("document", params)

    async def getfile(self, params: Json) -> Json:
        """Tell where a file can be fetched."""
        return self._fake.media.file(str(params.get("file_id")))

    async def editmessagetext(self, params: Json) -> Json:
        """Change a text of the bot."""
        chat, sent = self._sent(params)
        if sent.media is not None:
            raise Refused("Bad Request: there is no text in the message to edit")
        said = _read(str(params.get("text", "")), params.get("parse_mode"))
        return self._change(chat, sent, said, params)

    async def editmessagecaption(self, params: Json) -> Json:
        """Change a caption of the bot."""
        chat, sent = self._sent(params)
        if sent.media is None:
            raise Refused("Bad Request: there is no caption in the message to edit")
        caption = str(params.get("caption", ""))
        said = caption, visible_caption(caption, params.get("parse_mode"))
        return self._change(chat, sent, said, params)

    def _send_media(self, kind: str, params: Json) -> Json:
        chat, keyboard, caption = self._chat(params), _keyboard(params), str(params.get("caption", ""))
        text = visible_caption(caption, params.get("parse_mode"))
        media = self._fake.media.take(kind, params.get(kind))
        return self._show(chat, Sent(self._fake.next_id(), text, caption, keyboard, media=media))

    def _show(self, chat: Chat, sent: Sent) -> Json:
        chat.sent.append(sent)
        if not self._fake.judge.sent(chat.id, sent.html):
            self._replied(chat)
        return chat.bot_message(sent)

    def _sent(self, params: Json) -> tuple[Chat, Sent]:
        chat = self._chat(params)
        sent = next((s for s in chat.sent if s.message_id == int(params["message_id"])), None)
        if sent is None:
            raise Refused("Bad Request: message to edit not found")
        return chat, sent

    def _change(self, chat: Chat, sent: Sent, said: tuple[str, str], params: Json) -> Json:
        (html, text), keyboard = said, _keyboard(params)
        if (sent.html, sent.keyboard) == (html, keyboard):
            raise Refused(
                "Bad Request: message is not modified: specified new message content and reply markup are "
                "exactly the same as a current content and reply markup of the message"
            )
        sent.text, sent.html, sent.keyboard, sent.edits = text, html, keyboard, sent.edits + 1
        self._fake.judge.edited(chat.id)
        self._replied(chat)
        return {**chat.bot_message(sent), "edit_date": DATE + 60}

    async def answercallbackquery(self, params: Json) -> bool:
        """Take the waiting sign from a button."""
        if params.get("callback_query_id") not in self._fake.open_queries:
            raise Refused("Bad Request: query is too old and response timeout expired or query ID is invalid")
        self._fake.open_queries.remove(params["callback_query_id"])
        return True

    async def setmycommands(self, params: Json) -> bool:
        """Keep a menu: of a chat, or of a language ("" for all others)."""
        for command in params["commands"]:
            if not _COMMAND.fullmatch(command["command"]):
                raise Refused("Bad Request: BOT_COMMAND_INVALID")
            if not 1 <= len(command["description"]) <= 256:
                raise Refused("Bad Request: BOT_COMMAND_DESCRIPTION_INVALID")
        scope = params.get("scope") or {"type": "default"}
        if scope["type"] == "chat":
            self._chat({"chat_id": scope["chat_id"]}).menu = params["commands"]
        else:
            self._fake.menus[scope["type"], params.get("language_code") or ""] = params["commands"]
        return True

    def _allow(self, params: Json) -> None:
        if params.get("allowed_updates") is not None:
            self._fake.queue.allowed = frozenset(params["allowed_updates"])

    def _chat(self, params: Json) -> Chat:
        chat_id = int(params["chat_id"])
        if chat_id in self._fake.moved:
            raise Refused(
                "Bad Request: group chat was upgraded to a supergroup chat",
                parameters={"migrate_to_chat_id": self._fake.moved[chat_id]},
            )
        chat = self._fake.chats.get(chat_id)
        if chat is None:
            raise Refused("Bad Request: chat not found")
        if chat.blocked:
            raise Refused("Forbidden: bot was blocked by the user", 403)
        return chat

    def _replied(self, chat: Chat) -> None:
        if self._fake.on_reply is not None:
            self._fake.on_reply(chat.id)


@lru_cache(maxsize=256)
def _read(html: str, parse_mode: str | None) -> tuple[str, str]:
    # The text as sent and as seen; a broadcast's is checked once, and kept once for all its chats.
    return html, visible(html, parse_mode)


def _keyboard(params: Json) -> list[list[Json]]:
    rows: list[list[Json]] = (params.get("reply_markup") or {}).get("inline_keyboard", [])
    for button in (button for row in rows for button in row):
        if not button.get("text"):
            raise Refused("Bad Request: can't parse inline keyboard button: Text must be non-empty")
        if not 1 <= len(button.get("callback_data", "").encode()) <= 64:
            raise Refused("Bad Request: BUTTON_DATA_INVALID")
    return rows
