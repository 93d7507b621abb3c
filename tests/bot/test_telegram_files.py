"""Files on Telegram: uploaded once, sent to everybody else by their id, and their captions edited."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from functools import partial

import pytest
from markupsafe import Markup

from bot.channel import Again, Never, Parcel, TooBig
from bot.channels.telegram import TelegramChannel
from bot.channels.telegram.request import AiohttpRequest
from bot.files import Files
from bot.store import Store
from handlers.dialogue.files import ref_of
from handlers.dialogue.message import FileRef, Option, Outgoing
from storage import files as stored
from storage.database import Database, Session
from tests.fake_telegram import Failure, FakeTelegram
from tests.fake_telegram.harness import NOW, fake_telegram, sending
from tests.pictures import PDF, png
from tests.stores import beside
from tests.talk import House

MENU = (Option("Menu", "/help"),)


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with fake_telegram() as running:
        yield running


@pytest.fixture
def store(house: House) -> Iterator[Store]:
    made = Store(beside(house.database))
    yield made
    made.close()


@pytest.fixture
async def channel(fake: FakeTelegram, store: Store) -> AsyncIterator[TelegramChannel]:
    async with sending(fake, Files(store)) as running:
        yield running


def keep(database: Database, draft: stored.Draft) -> FileRef:
    """Store a file."""

    def work(session: Session) -> FileRef:
        return ref_of(stored.add_file(session, draft, NOW))

    return database.write(work)


@pytest.fixture
def poster(house: House) -> FileRef:
    return keep(house.database, stored.Draft("Plakat „żółty”.png", "image/png", png(), 60, 40))


def letter(chat: int, file: FileRef | None, text: str = "<b>Festyn</b>", replaces: str = "") -> Parcel:
    message = Outgoing(Markup(text), MENU, replaces or None, file=file)
    return Parcel(1, str(chat), message)


async def test_many_get_what_was_uploaded_once(
    fake: FakeTelegram, channel: TelegramChannel, poster: FileRef, store: Store
) -> None:
    people = [fake.person(number) for number in range(1, 31)]
    await asyncio.gather(*(channel.send(letter(one.id, poster)) for one in people))
    assert fake.media.uploads == 1
    for one in people:
        [sent] = one.sent
        assert sent.media is not None
        assert (sent.media.kind, sent.media.data, sent.text) == ("photo", png(), "Festyn")
        assert sent.value_of("Menu") == "/help"
    async with sending(fake, Files(store)) as another:  # after a restart the copy is known too
        await another.send(letter(1, poster))
    assert fake.media.uploads == 1


async def test_what_is_no_photo_is_a_file_under_its_name(
    fake: FakeTelegram, channel: TelegramChannel, house: House
) -> None:
    anna = fake.person()
    drafts = (
        stored.Draft("Program – żółw (1).pdf", "application/pdf", PDF),
        stored.Draft("ruch.gif", "image/gif", b"GIF89a" + bytes(9), 9, 9),
        stored.Draft("pasek.png", "image/png", png(2_100, 100), 2_100, 100),
        stored.Draft("udaje.png", "image/png", b"\x89PNG\r\n\x1a\n broken" + bytes(90)),
    )
    for draft in drafts:
        await channel.send(letter(anna.id, keep(house.database, draft)))
    shown = [sent.media for sent in anna.sent if sent.media is not None]
    assert [(media.kind, media.data) for media in shown[:3]] == [("document", one.data) for one in drafts[:3]]
    assert shown[0].name == "Program – żółw (1).pdf"


async def test_a_picture_that_telegram_cannot_show_goes_as_a_file(
    fake: FakeTelegram, channel: TelegramChannel, poster: FileRef
) -> None:
    anna = fake.person()
    fake.fails("sendPhoto", Failure(400, "Bad Request: IMAGE_PROCESS_FAILED"))
    await channel.send(letter(anna.id, poster))
    await channel.send(letter(anna.id, poster))
    assert [sent.media.kind for sent in anna.sent if sent.media is not None] == ["document", "document"]


async def test_a_copy_that_telegram_lost_is_uploaded_again(
    fake: FakeTelegram, channel: TelegramChannel, poster: FileRef
) -> None:
    anna = fake.person()
    await channel.send(letter(anna.id, poster))
    fake.media.known.clear()
    with pytest.raises(Again):
        await channel.send(letter(anna.id, poster))
    await channel.send(letter(anna.id, poster))
    assert (fake.media.uploads, len(anna.sent)) == (2, 2)


async def test_a_file_that_was_deleted_is_never_sent(
    fake: FakeTelegram, channel: TelegramChannel, poster: FileRef
) -> None:
    anna = fake.person()
    with pytest.raises(Never):
        await channel.send(letter(anna.id, replace(poster, id=999)))
    assert anna.sent == []


async def test_an_edit_changes_the_caption_and_keeps_the_file(
    fake: FakeTelegram, channel: TelegramChannel, poster: FileRef
) -> None:
    anna = fake.person()
    first = await channel.send(letter(anna.id, poster))
    assert first is not None
    assert await channel.send(letter(anna.id, poster, "będę", first)) == first
    assert await channel.send(letter(anna.id, poster, "będę", first)) == first  # not modified
    # Recorded too late to be known as a message with a file: it keeps the file all the same.
    assert await channel.send(letter(anna.id, None, "może", first)) == first
    [sent] = anna.sent
    assert (sent.text, sent.edits, sent.media is not None) == ("może", 2, True)


async def test_what_cannot_be_edited_is_a_new_message(
    fake: FakeTelegram, channel: TelegramChannel, poster: FileRef
) -> None:
    anna = fake.person()
    text = await channel.send(letter(anna.id, None))
    assert text is not None
    assert await channel.send(letter(anna.id, poster, "x", text)) != text
    assert await channel.send(letter(anna.id, poster, "x", "9999")) != text
    assert [sent.media is not None for sent in anna.sent] == [False, True, True]


async def test_a_text_that_is_too_long_for_a_caption_comes_below(
    fake: FakeTelegram, channel: TelegramChannel, poster: FileRef
) -> None:
    anna = fake.person()
    await channel.send(letter(anna.id, poster, "a" * 1_024))
    last = await channel.send(letter(anna.id, poster, "b" * 1_025))
    assert [(sent.media is not None, len(sent.text)) for sent in anna.sent] == [
        (True, 1_024),
        (True, 0),
        (False, 1_025),
    ]
    assert last == str(anna.sent[-1].message_id)
    assert anna.sent[1].keyboard == []
    assert anna.sent[-1].value_of("Menu") == "/help"
    short = await channel.send(letter(anna.id, poster, "c"))
    assert short is not None
    await channel.send(letter(anna.id, poster, "d" * 1_025, short))
    assert [sent.text[:1] for sent in anna.sent[-2:]] == ["", "d"]


async def test_what_people_send_is_fetched_up_to_a_limit(
    fake: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    http = AiohttpRequest(fake.token, fake.url)
    await http.initialize()
    media = fake.media.add("document", "a.bin", b"x" * 1_000)
    fetch = partial(http.download, media.path)
    assert await fetch(1_000) == media.data
    with pytest.raises(TooBig):
        await fetch(999)
    fake.fails("download", Failure(404, "Not Found"))
    with pytest.raises(Exception, match="404") as refused:
        await fetch(1_000)
    fake.fails("download", Failure(drop="after"))
    with pytest.raises(Exception, match="no file"):  # half of it came
        await fetch(1_000)
    await fake.stop()
    with pytest.raises(Exception, match="no file") as lost:
        await fetch(1_000)
    await http.shutdown()
    assert fake.token not in caplog.text + repr(refused.value) + repr(lost.value)
