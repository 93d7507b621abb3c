"""Sending over real HTTP: what each failure means, edits, long texts and menus."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from markupsafe import Markup

from bot.channel import Again, Gone, Moved, Never, Parcel, SendError, Unknown
from bot.channels.telegram import TelegramChannel, request
from handlers.dialogue.message import Outgoing
from tests.fake_telegram import Failure, FakeTelegram
from tests.fake_telegram.harness import fake_telegram, make_channel, parcel, sending

LONG = "Pierwszy akapit. " * 200 + "\n\n" + "Drugi akapit. " * 200
BLOCKED = Failure(403, "Forbidden: bot was blocked by the user")


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with fake_telegram() as running:
        yield running


@pytest.fixture
async def channel(fake: FakeTelegram) -> AsyncIterator[TelegramChannel]:
    async with sending(fake) as running:
        yield running


@pytest.mark.parametrize(
    ("failure", "verdict"),
    [
        (Failure(429, "Too Many Requests: retry after 7", {"retry_after": 7}), Again),
        (Failure(429, "Too Many Requests"), Again),
        (BLOCKED, Gone),
        (Failure(400, "Bad Request: chat not found"), Gone),
        (Failure(400, "Bad Request: group chat was upgraded", {"migrate_to_chat_id": -1009}), Moved),
        (Failure(400, "Bad Request: message is too long"), Never),
        (Failure(413, "Request Entity Too Large"), Never),
        (Failure(401, "Unauthorized"), Again),
        (Failure(500, "Internal Server Error"), Unknown),
        (Failure(502, "Bad Gateway"), Unknown),
        (Failure(503, "Service Unavailable"), Again),
        (Failure(504, "Gateway Timeout"), Unknown),
        (Failure(drop="before"), Unknown),
        (Failure(drop="after"), Unknown),
    ],
)
async def test_each_failure_has_its_verdict(
    fake: FakeTelegram, channel: TelegramChannel, failure: Failure, verdict: type[SendError]
) -> None:
    anna = fake.person()
    fake.fails("sendMessage", failure)
    with pytest.raises(SendError) as raised:
        await channel.send(parcel(anna.id))
    assert type(raised.value) is verdict
    assert len(fake.called("sendMessage")) == 1
    assert len(anna.sent) == (1 if failure.drop == "after" else 0)


async def test_a_limit_names_its_seconds(fake: FakeTelegram, channel: TelegramChannel) -> None:
    group = fake.group()
    fake.fails("sendMessage", Failure(429, "Too Many Requests: retry after 7", {"retry_after": 7}))
    with pytest.raises(Again) as raised:
        await channel.send(parcel(group.id))
    assert (raised.value.after, raised.value.everyone) == (7.0, False)


async def test_a_blocked_bot_and_an_unknown_chat_are_gone(
    fake: FakeTelegram, channel: TelegramChannel
) -> None:
    anna = fake.person()
    anna.blocks()
    with pytest.raises(Gone):
        await channel.send(parcel(anna.id))
    with pytest.raises(Gone):
        await channel.send(parcel(404))


async def test_a_group_that_became_a_supergroup_has_moved(
    fake: FakeTelegram, channel: TelegramChannel
) -> None:
    group = fake.group()
    new = group.migrates(fake.person())
    with pytest.raises(Moved) as raised:
        await channel.send(parcel(group.id))
    assert raised.value.to == str(new.id)


async def test_a_connection_that_was_never_opened_may_be_tried_again(fake: FakeTelegram) -> None:
    channel = make_channel("http://127.0.0.1:1", fake.token)
    with pytest.raises(Again):
        await channel.send(parcel(77))
    with pytest.raises(Again):
        await channel.check()
    await channel.close()


async def test_a_read_timeout_is_unknown(
    fake: FakeTelegram, channel: TelegramChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request, "READ_SECONDS", 0.01)
    held = Failure(hold=asyncio.Event())
    fake.fails("sendMessage", held)
    with pytest.raises(Unknown):
        await channel.send(parcel(fake.person().id))
    assert held.hold is not None
    held.hold.set()


async def test_formatting_and_buttons_arrive_and_nothing_is_unescaped(
    fake: FakeTelegram, channel: TelegramChannel
) -> None:
    anna = fake.person()
    text = Markup('<b>%s</b>\n<a href="https://x.pl">tu</a>') % "<script> & Spółka"
    await channel.send(Parcel(1, str(anna.id), Outgoing(text)))
    assert anna.texts == ["<script> & Spółka\ntu"]
    (call,) = fake.called("sendMessage")
    assert (call["parse_mode"], call["link_preview_options"]) == ("HTML", {"is_disabled": True})


async def test_a_long_text_comes_in_parts_with_the_buttons_under_the_last(
    fake: FakeTelegram, channel: TelegramChannel
) -> None:
    anna = fake.person()
    last = await channel.send(parcel(anna.id, LONG, ("Tak", "/yes")))
    assert [text.split(".")[0] for text in anna.texts] == ["Pierwszy akapit", "Drugi akapit"]
    assert [bool(sent.keyboard) for sent in anna.sent] == [False, True]
    assert last == str(anna.sent[-1].message_id)


async def test_a_part_that_was_taken_is_not_sent_again(fake: FakeTelegram, channel: TelegramChannel) -> None:
    anna, bogdan = fake.person(1, "Anna"), fake.person(2, "Bogdan")
    fake.fails("sendMessage", Failure(), Failure(429, "Too Many Requests", {"retry_after": 7}))
    with pytest.raises(Again):
        await channel.send(parcel(anna.id, LONG))
    await channel.send(Parcel(2, str(bogdan.id), Outgoing(Markup("osobno"))))
    await channel.send(parcel(anna.id, LONG))
    assert [text.split(".")[0] for text in anna.texts] == ["Pierwszy akapit", "Drugi akapit"]
    assert bogdan.texts == ["osobno"]


async def test_an_edit_replaces_text_and_buttons(fake: FakeTelegram, channel: TelegramChannel) -> None:
    anna = fake.person()
    first = await channel.send(parcel(anna.id, "Będziesz?", ("Tak", "/yes"), ("Nie", "/no")))
    again = await channel.send(parcel(anna.id, "Zapisane.", ("Zmień", "/change"), replaces=first))
    assert again == first
    assert [(sent.text, sent.edits) for sent in anna.sent] == [("Zapisane.", 1)]
    assert anna.sent[0].value_of("Zmień") == "/change"


async def test_an_edit_that_changes_nothing_is_done(fake: FakeTelegram, channel: TelegramChannel) -> None:
    anna = fake.person()
    first = await channel.send(parcel(anna.id, "Tak samo"))
    assert await channel.send(parcel(anna.id, "Tak samo", replaces=first)) == first
    assert len(anna.sent) == 1


async def test_an_edit_that_cannot_be_is_sent_as_a_new_message(
    fake: FakeTelegram, channel: TelegramChannel
) -> None:
    anna = fake.person()
    gone = await channel.send(parcel(anna.id, "Nowa", replaces="4"))
    fake.fails("editMessageText", Failure(400, "Bad Request: message can't be edited"))
    await channel.send(parcel(anna.id, "Druga", replaces=gone))
    assert anna.texts == ["Nowa", "Druga"]


async def test_an_edit_by_a_long_text_goes_on_in_new_messages(
    fake: FakeTelegram, channel: TelegramChannel
) -> None:
    anna = fake.person()
    first = await channel.send(parcel(anna.id, "Krótka", ("Tak", "/yes")))
    last = await channel.send(parcel(anna.id, LONG, ("Nie", "/no"), replaces=first))
    assert [bool(sent.keyboard) for sent in anna.sent] == [False, True]
    assert [sent.edits for sent in anna.sent] == [1, 0]
    assert last == str(anna.sent[1].message_id)


async def test_a_menu_is_shown_in_the_chat_and_its_failure_is_not_the_messages(
    fake: FakeTelegram, channel: TelegramChannel, caplog: pytest.LogCaptureFixture
) -> None:
    anna = fake.person()
    fine = Outgoing(Markup("Masz nowe możliwości"), menu=(("nowe_spotkanie", "Nowe spotkanie"),))
    await channel.send(Parcel(1, str(anna.id), fine))
    assert anna.menu == [{"command": "nowe_spotkanie", "description": "Nowe spotkanie"}]
    bad = Outgoing(Markup("Jeszcze raz"), menu=(("Złe!", "x"),))
    assert await channel.send(Parcel(2, str(anna.id), bad)) == str(anna.sent[-1].message_id)
    assert "the menu of a chat could not be set" in caplog.text


async def test_a_menu_that_hangs_does_not_hold_up_what_became_of_its_message(
    fake: FakeTelegram, channel: TelegramChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.channels.telegram.channel.MENU_SECONDS", 0.05)
    fake.fails("setMyCommands", Failure(hold=asyncio.Event()))
    anna = fake.person()
    message = Outgoing(Markup("Masz nowe możliwości"), menu=(("nowe_spotkanie", "Nowe spotkanie"),))
    assert await channel.send(Parcel(1, str(anna.id), message)) == str(anna.sent[-1].message_id)


async def test_check_names_the_bot_or_says_why_not(fake: FakeTelegram, channel: TelegramChannel) -> None:
    assert await channel.check() == "aglomeracja_bot"
    stranger = make_channel(fake.url, "1:wrong")
    with pytest.raises(SendError, match="refuses the bot's token"):
        await stranger.check()
    await stranger.close()
