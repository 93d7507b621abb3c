"""What only people on Telegram meet, by the whole program; the rest is in tests/conversations."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conversations.phone import Phone, Telegram, by_webhook
from tests.conversations.town import Town, open_town
from tests.conversations.walks import announce, plan
from tests.fake_telegram import FakeTelegram

WAYS = ["polling", "webhook"]


@pytest.fixture(params=WAYS[:1])
async def town(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Town]:
    """Run the program on Telegram, to which updates come by polling unless a test asks for another way."""
    settings = by_webhook() if request.param == "webhook" else {}
    async with open_town(tmp_path, ["telegram"], **settings) as opened:
        yield opened


@pytest.fixture
def telegram(town: Town) -> Telegram:
    """Give where the people are."""
    return town.at(Telegram)


@pytest.fixture
def fake(telegram: Telegram) -> FakeTelegram:
    """Give the server."""
    return telegram.fake


@pytest.fixture
async def ewa(telegram: Telegram, town: Town) -> Phone:
    """Give the coordinator."""
    return await town.appoints(await telegram.person(town.program, "Ewa Kos"))


@pytest.fixture
async def anna(telegram: Telegram, town: Town) -> Phone:
    """Give somebody else, who has not written yet."""
    return await telegram.person(town.program, "Anna Nowak")


@pytest.mark.parametrize("town", WAYS, indirect=True)
async def test_what_was_written_while_the_program_was_away_is_answered(
    town: Town, ewa: Phone, anna: Phone
) -> None:
    await anna.says("/start", "Dzień dobry!")
    await announce(ewa, "Po przerwie", when="dziś 18:00")
    await town.program.stop()
    town.time.move(hours=7)
    await anna.writes("co to jest klaster")
    await town.program.start()
    await anna.hears("Ogłoszenie Klastra", "Po przerwie")
    await anna.hears("sieć stałej współpracy")
    assert anna.count("Po przerwie") == 1


@pytest.mark.parametrize("town", WAYS, indirect=True)
async def test_in_a_group_only_what_is_addressed_is_answered(
    town: Town, fake: FakeTelegram, anna: Phone
) -> None:
    group = fake.group()
    there = Phone(anna.user, town.program, group)
    await there.writes("kto jest koordynatorem klastra")
    await there.says("@aglomeracja_bot kto jest koordynatorem klastra?", "Regionalna Izba")
    assert len(group.sent) == 1
    await there.says("/profil@aglomeracja_bot", "w prywatnej rozmowie")
    new = Phone(anna.user, town.program, group.migrates(by=anna.user))
    await new.writes("nie do bota")
    await new.says("@aglomeracja_bot kiedy następne spotkanie?", "Nie ma teraz zaplanowanego spotkania")
    assert len(new.sent) == 1
    assert len(group.sent) == 2


async def test_an_announcement_reaches_everybody_in_their_language(
    town: Town, telegram: Telegram, ewa: Phone
) -> None:
    john = await telegram.person(town.program, "John", "en")
    await john.says("/start", "Good day!")
    await announce(ewa, "Jutro <o 9> kawa & herbata")
    await ewa.hears("Ogłoszenie Klastra „Aglomeracja”\n\nJutro <o 9> kawa & herbata\n\nOgłoszenia")
    heard = await john.hears("Announcement of Klaster", "<o 9> kawa & herbata", "turn announcements off")
    assert heard.labels == ("Profile", "Menu")


async def test_whoever_blocks_the_bot_is_unreachable_until_they_write_again(
    town: Town, fake: FakeTelegram, ewa: Phone, anna: Phone
) -> None:
    await anna.says("/start", "Dzień dobry!")
    anna.user.blocked = True  # Telegram has not told it yet
    await announce(ewa, "Nikt nie słyszy")
    await ewa.hears("Ogłoszenie Klastra", "Nikt nie słyszy")
    await town.sent()
    await ewa.says("/ogloszenia", "Doręczono: 1, nieosiągalni: 1.")
    anna.user.unblocks()
    await anna.says("/start", "Dzień dobry!")
    await announce(ewa, "Znowu razem")
    await anna.hears("Znowu razem")
    tried = [call["text"] for call in fake.called("sendMessage") if call["chat_id"] == str(anna.user.id)]
    assert sum("Nikt nie słyszy" in text for text in tried) == 1
    assert anna.count("Nikt nie słyszy") == 0


async def test_links_lead_to_joining_and_to_a_meeting(ewa: Phone, anna: Phone) -> None:
    await plan(ewa, "Pierwsze")
    await anna.says("/start join", "Klaster jest otwarty")
    await anna.says("/start m1", "Pierwsze", "Nie ma jeszcze Twojej odpowiedzi.")
    await anna.presses("Będę", "Zapisano. Twoja odpowiedź: będę.")
    await anna.says("/start m99", "Nie ma takiego spotkania.")


async def test_the_menus_are_in_the_language_and_for_the_role(
    town: Town, telegram: Telegram, fake: FakeTelegram, ewa: Phone
) -> None:
    john = await telegram.person(town.program, "John", "en")
    shown = {place: [one["command"] for one in menu] for place, menu in fake.menus.items()}
    assert "spotkania" in shown["default", ""]
    assert "meetings" in shown["default", "en"]
    await fake.until(lambda: bool(ewa.user.menu))
    assert "nowe_spotkanie" in [one["command"] for one in ewa.user.menu]
    await john.says("/start", "Good day!")
    await fake.until(lambda: bool(john.user.menu))
    named = [one["command"] for one in john.user.menu]
    assert "meetings" in named
    assert "new_meeting" not in named


async def test_a_long_announcement_is_split_at_a_paragraph(ewa: Phone, anna: Phone) -> None:
    await anna.says("/start", "Dzień dobry!")
    paragraphs = [f"{number}. " + "💧" * 800 for number in range(1, 5)]
    await announce(ewa, "\n\n".join(paragraphs))
    end = await anna.hears("4. ", "Ogłoszenia można wyłączyć")
    begin = anna.screen()[anna.screen().index(end) - 1]
    assert begin.text.startswith("Ogłoszenie Klastra")
    assert begin.text.endswith(paragraphs[1])
    assert end.text.startswith(paragraphs[2])
    assert (begin.labels, end.labels) == ((), ("Profil", "Menu"))
