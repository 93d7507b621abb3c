"""What only people on Matrix meet, by the whole program; the rest is in tests/conversations."""

from tests.conversations.chat import Chat
from tests.conversations.matrix import MatrixTown
from tests.conversations.walks import TITLE, plan
from tests.homeserver.event import Event
from tests.homeserver.member import Mode


def newest(chat: Chat) -> Event:
    """Return the newest message of the bot with all that Matrix knows of it."""
    return list(chat.client.screen().values())[-1]


async def test_what_is_said_is_encrypted_and_a_wish_to_verify_is_refused_kindly(place: MatrixTown) -> None:
    anna = await place.comes("Anna Nowak")
    await anna.client.asks_to_verify(place.bot)
    await anna.hears("Nie trzeba mnie weryfikować")
    assert all(event.encrypted and event.shield is None for event in anna.client.screen().values())


async def test_a_chat_that_is_not_encrypted_works_as_well(place: MatrixTown) -> None:
    jan = await place.person("Jan Lis", Mode.PLAIN)
    await jan.says("co to jest klaster", "sieć stałej współpracy")
    await jan.presses("Menu", "Po prostu napisz pytanie")
    assert not any(event.encrypted for event in jan.client.screen().values())


async def test_a_message_in_a_thread_is_answered_there(place: MatrixTown) -> None:
    anna = await place.comes("Anna Nowak")
    root = newest(anna).event_id
    await anna.client.sends("co to jest klaster", thread=root)
    await anna.hears("sieć stałej współpracy")
    assert newest(anna).thread == root
    await anna.says("/spotkania", "Nie ma teraz")
    assert newest(anna).thread == ""


async def test_a_message_that_was_taken_back_is_not_answered(place: MatrixTown) -> None:
    anna = await place.comes("Anna Nowak")
    await place.town.program.stop()
    await anna.writes("co to jest klaster")
    await anna.writes("/spotkania")
    await anna.takes_back(back=2)
    await place.town.program.start()
    await anna.hears("Nie ma teraz zaplanowanego spotkania")
    await anna.says("/pomoc", "Po prostu napisz pytanie")
    assert anna.count("sieć stałej współpracy") == 0


async def test_forty_messages_that_came_meanwhile_are_answered_once_each_and_in_order(
    place: MatrixTown,
) -> None:
    anna = await place.comes("Anna Nowak")
    await place.town.program.stop()
    names = [f"Osoba {first}{second}" for first in "ABCDEFGH" for second in "VWXYZ"]
    for name in names:
        await anna.writes(f"/imie {name}")
    await place.town.program.start()
    await anna.hears(names[-1])
    answers = [shown.text for shown in anna.screen() if "listach obecności" in shown.text]
    assert answers == [f"Dziękuję. Na listach obecności widnieje teraz: {name}." for name in names]


async def test_a_reaction_chooses_under_the_message_that_it_is_given_to(place: MatrixTown) -> None:
    ewa, anna = await place.coordinator(), await place.comes("Anna Nowak")
    await plan(ewa)
    await plan(ewa, "Walne zebranie")
    first = await anna.says("/spotkania 1", TITLE)
    second = await anna.says("/spotkania 2", "Walne zebranie")
    await anna.chooses(first, "Będę")
    await anna.hears("Zapisano. Twoja odpowiedź: będę.", TITLE)
    await anna.chooses(second, "Nie będę")
    await anna.hears("Zapisano. Twoja odpowiedź: nie będę.", "Walne zebranie")
    await anna.client.reacts("👍", first.ref)  # says nothing
    await anna.says("/pomoc", "Po prostu napisz pytanie")
    assert [one.ref for one in anna.screen()][1:3] == [first.ref, second.ref]
    assert anna.count("Zapisano.") == 2


async def test_a_formatted_announcement_of_a_meeting_is_answered_by_a_reaction_alone(
    place: MatrixTown,
) -> None:
    ewa, anna = await place.coordinator(), await place.comes("Anna Nowak")
    await plan(ewa)
    await ewa.presses("Ogłoś to spotkanie", "Tak to będzie wyglądać", TITLE)
    await ewa.presses("Wyślij ogłoszenie", "Ogłoszenie jest wysyłane.")
    invitation = await anna.hears("Ogłoszenie Klastra", TITLE)
    event = anna.event(invitation)
    assert f"<b>{TITLE}</b><br>" in event.html
    assert "<li>Będę</li>" in event.html
    assert "<" not in event.text
    assert event.msgtype == "m.text"
    await anna.chooses(invitation, "Będę")
    await anna.hears("Zapisano. Twoja odpowiedź: będę.")
    await ewa.says("/obecnosc", "Anna Nowak: będzie")


async def test_formatting_is_kept_from_the_coordinator_to_everybody(place: MatrixTown) -> None:
    ewa, anna = await place.coordinator(), await place.comes("Anna Nowak")
    html = '<b>Ważne:</b> <a href="https://example.org/w">woda</a> <script>x</script>'
    await ewa.says("/nowe_ogloszenie", "Co chcesz ogłosić?")
    await ewa.client.sends("**Ważne:** woda", html=html)
    await ewa.hears("Kto ma je dostać?")
    await ewa.presses("Wszyscy", "Kiedy?")
    await ewa.presses("Teraz", "Ważne: woda")
    await ewa.presses("Wyślij ogłoszenie", "Ogłoszenie jest wysyłane.")
    heard = await anna.hears("Ogłoszenie Klastra", "Ważne: woda")
    event = anna.event(heard)
    assert '<b>Ważne:</b> <a href="https://example.org/w">woda</a>' in event.html
    assert "script" not in event.html


async def test_who_writes_and_is_gone_takes_the_bot_from_nobody_else(place: MatrixTown) -> None:
    mallory = await place.matrix.crowd.member("Mallory")
    for _ in range(3):
        await mallory.opens(place.bot)
        await mallory.sends("!start")
        await mallory.leaves()
    await place.comes("Anna Nowak")


async def test_a_room_with_others_is_not_joined_and_a_third_person_makes_it_one(place: MatrixTown) -> None:
    anna = await place.comes("Anna Nowak")
    await anna.brings(await place.person("Jan Lis"))
    await anna.writes("co to jest klaster")
    await anna.addresses("kiedy następne spotkanie?")
    await anna.hears("Nie ma teraz zaplanowanego spotkania")
    assert anna.count("sieć stałej współpracy") == 0
