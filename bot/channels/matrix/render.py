"""Our messages as Matrix shows them: formatted text with a plain fallback, options as a short numbered list.

Rules: Matrix specification 1.16, client-server API, "m.room.message", "Event replacements", "Threading",
"User and room mentions".
"""

import re
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from handlers import COMMANDS
from handlers.dialogue.choices import number_emoji
from handlers.dialogue.markup import plain
from handlers.dialogue.message import FileRef, Option, Outgoing

Content = dict[str, Any]
"""The content of an event."""

_NAMES = sorted({name for command in COMMANDS for name in (command.polish, command.english)})
_COMMAND = re.compile(rf"(?<![^\s>(„“])/(?=(?:{'|'.join(_NAMES)})\b)")
"""A command in a text. Element keeps what begins with a slash to itself, so an exclamation mark is shown."""

_PREFORMATTED = re.compile("(<pre>.*?</pre>)", re.DOTALL)
_TAG_NAMES = {"<s>": "<del>", "</s>": "</del>"}


def message_content(message: Outgoing, uploaded: Content | None = None) -> Content:
    """Return the content of an `m.room.message` event: an edit of ours, a part of a thread, or neither.

    `uploaded` says where the message's file lies (`Client.upload`); the text is its caption.
    """
    content = _text_content(message)
    if message.file is not None and uploaded is not None:
        content |= {**_file_content(message.file), **uploaded}
    if message.replaces is not None:
        return _edit_of(message.replaces, content)
    if message.thread is not None:
        content["m.relates_to"] = _in_thread(message.thread)
    return content


def reaction_contents(message: Outgoing, event_id: str) -> list[Content]:
    """Return the contents of `m.reaction` events that put the options' numbers under a message."""
    return [reaction_content(event_id, number_emoji(n)) for n in range(1, len(message.options) + 1)]


def reaction_content(event_id: str, key: str) -> Content:
    """Return the content of an `m.reaction` event."""
    return {"m.relates_to": {"rel_type": "m.annotation", "event_id": event_id, "key": key}}


def _text_content(message: Outgoing) -> Content:
    """Return a text with its options, as plain text and formatted; one that rings mentions the whole room."""
    lines = [plain(message.text), *([_numbered(message.options)] if message.options else [])]
    html = _html(message.text)
    if message.options:
        items = Markup("").join(Markup("<li>{}</li>").format(option.label) for option in message.options)
        html += f"<ol>{items}</ol>"
    return {
        "msgtype": "m.text",
        "body": _COMMAND.sub("!", "\n\n".join(lines)),
        "format": "org.matrix.custom.html",
        "formatted_body": _COMMAND.sub("!", html),
        "m.mentions": {"room": True} if message.rings else {},
    }


def _file_content(file: FileRef) -> Content:
    """Return what makes a text the caption of a file ("Media captions": `filename` tells it from a name)."""
    info: Content = {"mimetype": file.mimetype, "size": file.size}
    if file.width is not None and file.height is not None:
        info |= {"w": file.width, "h": file.height}
    return {"msgtype": "m.image" if file.is_picture else "m.file", "filename": file.name, "info": info}


def _numbered(options: Sequence[Option]) -> str:
    """Return the options as lines "1. label"."""
    return "\n".join(f"{number}. {option.label}" for number, option in enumerate(options, 1))


def _html(text: Markup) -> str:
    """Return our markup as Matrix's HTML: line breaks are tags there, and `s` is called `del`."""
    parts = _PREFORMATTED.split(str(text))
    html = "".join(part if part.startswith("<pre>") else part.replace("\n", "<br>") for part in parts)
    for ours, theirs in _TAG_NAMES.items():
        html = html.replace(ours, theirs)
    return html


def _edit_of(event_id: str, content: Content) -> Content:
    """Return an edit: clients which know edits show the new content, others the fallback with a star."""
    return {
        **content,
        "body": f"* {content['body']}",
        "formatted_body": f"* {content['formatted_body']}",
        "m.new_content": content,
        "m.relates_to": {"rel_type": "m.replace", "event_id": event_id},
    }


def _in_thread(root: str) -> Content:
    """Return the relation of a message in a thread; clients without threads show a reply to its first."""
    return {
        "rel_type": "m.thread",
        "event_id": root,
        "is_falling_back": True,
        "m.in_reply_to": {"event_id": root},
    }
