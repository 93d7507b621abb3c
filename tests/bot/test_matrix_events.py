"""Matrix events as incoming messages: what is said, and any JSON that strangers may send."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.matrix.events import Place, to_incoming
from handlers.dialogue.message import Incoming, Kind

NOW = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
DIRECT = Place("!room", direct=True, bot="@bot:hs", name="Anna")
ROOM = Place("!room", direct=False, bot="@bot:hs", called="Klaster Bot")
HTML = "org.matrix.custom.html"
MEANT = {"m.mentions": {"user_ids": ["@bot:hs"]}}


async def download(content: dict[str, Any], limit: int) -> bytes:
    """Return what stands for a file."""
    return f"{content['body']} {limit}".encode()


def event(content: Any, kind: str = "m.room.message", **more: Any) -> dict[str, Any]:
    """Return an event as a client sends it."""
    return {"type": kind, "sender": "@anna:hs", "event_id": "$1", "content": content, **more}


def text(body: str, **more: Any) -> dict[str, Any]:
    """Return the content of a text message."""
    return {"msgtype": "m.text", "body": body, **more}


def relates(**relation: Any) -> dict[str, Any]:
    """Return a relation to another event."""
    return {"m.relates_to": {key.replace("to", "m.in_reply_to", 1): value for key, value in relation.items()}}


def test_a_text_comes_with_who_where_and_when() -> None:
    assert to_incoming(event(text("Dzień dobry")), DIRECT, NOW, download) == Incoming(
        channel="matrix",
        event_id="$1",
        sender="@anna:hs",
        address="!room",
        received_at=NOW,
        ref="$1",
        text="Dzień dobry",
        name="Anna",
    )


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        (text("!spotkania"), {"text": "/spotkania"}),
        (text("/spotkania"), {"text": "/spotkania"}),
        (text("! ważne"), {"text": "! ważne"}),
        (text("wow!super"), {"text": "wow!super"}),
        ({"msgtype": "m.emote", "body": "macha"}, {"text": "macha"}),
        ({"msgtype": "m.image", "body": "a.png"}, {"attachment": "photo"}),
        ({"msgtype": "m.file", "body": "a.pdf"}, {"attachment": "document"}),
        (text("2", **relates(to={"event_id": "$9"})), {"text": "2", "answers": "$9"}),
        (text("> <@bot:hs> Rada\n> jutro\n\nbędę", **relates(to={"event_id": "$9"})), {"text": "będę"}),
        (text("> cytat"), {"text": "> cytat"}),
        (
            text(
                "tak",
                **relates(rel_type="m.thread", event_id="$5", is_falling_back=True, to={"event_id": "$6"}),
            ),
            {"thread": "$5", "answers": None},
        ),
        (
            text("tak", **relates(rel_type="m.thread", event_id="$5", to={"event_id": "$6"})),
            {"thread": "$5", "answers": "$6"},
        ),
        (
            text("* po", **{"m.new_content": text("po")}, **relates(rel_type="m.replace", event_id="$0")),
            {"kind": Kind.EDITED, "text": "po", "ref": "$0"},
        ),
        (
            text(
                "* !rsvp",
                **{"m.new_content": text("!rsvp", format=HTML, formatted_body="<b>!rsvp</b>")},
                **relates(rel_type="m.replace", event_id="$0"),
            ),
            {"kind": Kind.EDITED, "text": "/rsvp", "markup": "<b>!rsvp</b>"},
        ),
        (
            text(
                "Ważne", format=HTML, formatted_body="<p><strong>Ważne</strong><br/>raz</p><script>x</script>"
            ),
            {"markup": "<b>Ważne</b>\nraz"},
        ),
        (
            text("x", format=HTML, formatted_body="<mx-reply><blockquote>stare</blockquote></mx-reply>nowe"),
            {"markup": "nowe"},
        ),
    ],
)
def test_what_is_said(content: dict[str, Any], fields: dict[str, Any]) -> None:
    incoming = to_incoming(event(content), DIRECT, NOW, download)
    assert {name: getattr(incoming, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("content", "name", "size"),
    [
        ({"msgtype": "m.image", "body": "a.png", "info": {"size": 7}}, "a.png", 7),
        ({"msgtype": "m.file", "body": "Program", "filename": "a.pdf"}, "a.pdf", None),
        ({"msgtype": "m.file", "body": "x", "filename": 5, "info": {"size": "7"}}, "", None),
        ({"msgtype": "m.image", "body": "x", "info": {"size": True}}, "x", None),
        ({"msgtype": "m.image", "body": "x", "info": []}, "x", None),
    ],
)
async def test_a_file_comes_with_what_fetches_it(
    content: dict[str, Any], name: str, size: int | None
) -> None:
    incoming = to_incoming(event(content), DIRECT, NOW, download)
    assert incoming is not None
    assert incoming.file is not None
    assert (incoming.text, incoming.file.name, incoming.file.size) == ("", name, size)
    assert await incoming.file.fetch(9) == f"{content['body']} 9".encode()


def test_a_reaction_names_the_message_it_is_for() -> None:
    content = relates(rel_type="m.annotation", event_id="$9", key="2️⃣")
    incoming = to_incoming(event(content, "m.reaction"), DIRECT, NOW, download)
    assert incoming is not None
    assert (incoming.kind, incoming.text, incoming.answers) == (Kind.REACTION, "2️⃣", "$9")


@pytest.mark.parametrize(
    "one",
    [
        event(text("x"), sender="@bot:hs"),
        event({"msgtype": "m.notice", "body": "from a bot"}),
        event({}),
        event({"msgtype": "m.text"}),
        event(text("x"), "m.room.topic"),
        event(None),
        event(text("x"), sender=7),
        event(text("x"), event_id=None),
        event(relates(rel_type="m.annotation", event_id=["$9"], key="1"), "m.reaction"),
        event(text("x", **relates(rel_type="m.replace", event_id="$0"))),
        event(text("x", **{"m.new_content": text("x")}, **relates(rel_type="m.replace", event_id=7))),
        event(
            text(
                "x",
                **{"m.new_content": {"msgtype": "m.image", "body": "a.png"}},
                **relates(rel_type="m.replace", event_id="$0"),
            )
        ),
        {},
    ],
)
def test_what_is_no_business_of_the_bots(one: dict[str, Any]) -> None:
    assert to_incoming(one, DIRECT, NOW, download) is None


@pytest.mark.parametrize("said", ["Klaster Bot: !spotkania", "@bot:hs spotkania?", "bot, kiedy rada?"])
def test_in_a_room_only_what_mentions_the_bot_is_for_it(said: str) -> None:
    assert to_incoming(event(text(said)), ROOM, NOW, download) is None
    incoming = to_incoming(event(text(said, **MEANT)), ROOM, NOW, download)
    assert incoming is not None
    assert not incoming.private
    assert incoming.text in {"/spotkania", "spotkania?", "kiedy rada?"}


def test_in_a_room_a_reply_is_for_the_bot_when_it_names_it() -> None:
    reply = relates(to={"event_id": "$1"})
    quoted = "> <@bot:hs> Jutro nie ma wody\n\nDziękuję!"
    for thanks in ("Dziękuję!", quoted):
        assert to_incoming(event(text(thanks, **reply, **MEANT)), ROOM, NOW, download) is None
    asked = to_incoming(event(text("Bot: a pojutrze?", **reply, **MEANT)), ROOM, NOW, download)
    assert asked is not None
    assert (asked.text, asked.answers) == ("a pojutrze?", "$1")


def test_in_a_room_an_edit_is_for_the_bot_when_its_new_wording_mentions_it() -> None:
    relation = relates(rel_type="m.replace", event_id="$0")
    nobody_new: dict[str, Any] = {"m.mentions": {}}
    new = text("bot, co to jest klaster", **MEANT)
    incoming = to_incoming(
        event(text("*", **{"m.new_content": new}, **relation, **nobody_new)), ROOM, NOW, download
    )
    assert incoming is not None
    assert (incoming.kind, incoming.text, incoming.ref) == (Kind.EDITED, "co to jest klaster", "$0")
    assert (
        to_incoming(
            event(text("*", **{"m.new_content": text("x")}, **relation, **MEANT)), ROOM, NOW, download
        )
        is None
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["msgtype", "body", "format", "formatted_body", "m.relates_to", "m.new_content", "m.mentions"]
RELATION = st.fixed_dictionaries(
    {},
    optional={
        name: JSON | st.sampled_from(["m.thread", "m.replace"])
        for name in ("rel_type", "event_id", "key", "m.in_reply_to", "is_falling_back")
    },
)


@given(
    kind=st.sampled_from(["m.room.message", "m.reaction", "m.sticker", "x"]),
    content=st.dictionaries(st.sampled_from(FIELDS), JSON | RELATION | st.sampled_from(["m.text", HTML])),
)
def test_any_json_is_survived(kind: str, content: Any) -> None:
    for place in (DIRECT, ROOM):
        incoming = to_incoming(event(content, kind), place, NOW, download)
        if incoming is not None:
            assert isinstance(incoming.text, str)
            assert all(
                isinstance(one, str | None) for one in (incoming.answers, incoming.thread, incoming.markup)
            )
