"""Rooms with others: named for announcements by a coordinator, one message there for all of them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from bot.dispatch import TALK
from handlers.dialogue.message import Kind, RoomState
from storage.people import Person
from tests.handlers.test_bad_input import announce, confirm
from tests.handlers.test_meetings import plan
from tests.talk import House, Somebody

TITLE = "Tablica Klastra"


def on_matrix(house: House, name: str) -> Somebody:
    """Return somebody who has a direct chat with the bot on Matrix."""
    somebody = house.person(name, channel="matrix")
    somebody.says("/start", "Dzień dobry!")
    return somebody


def coordinator(house: House) -> Somebody:
    """Return a coordinator on Matrix."""
    ewa = on_matrix(house, "Ewa")
    ewa.says(f"/claim {house.coordinator_code()}", "Witamy w roli koordynatora")
    return ewa


def gather(house: House, people: Sequence[Somebody], title: str = TITLE) -> Somebody:
    """Return a room, as somebody who hears what is said there, in which these people and the bot are."""
    room = house.person("", channel="matrix")
    tell_people(room, people, title)
    return room


def tell_people(room: Somebody, people: Sequence[Somebody], title: str = TITLE) -> None:
    """Let the bot learn who is in a room now."""
    state = RoomState(title, frozenset({"@bot", *(one.sender for one in people)}))
    room.does(room.incoming(kind=Kind.ROOM, sender="", room=state))


def invites(ewa: Somebody, room: Somebody, *expected: str) -> str:
    """Let somebody invite the bot to a room: the question comes to them alone."""
    said = ewa.incoming(address=room.sender, private=False, aside=ewa.sender, pressed="/room")
    return ewa.does(said, *expected)


def named(house: House, *people: Somebody) -> tuple[Somebody, Somebody]:
    """Return a coordinator and a room, named for announcements, in which they and these people are."""
    ewa = coordinator(house)
    room = gather(house, (ewa, *people))
    invites(ewa, room)
    ewa.presses("Tak, ogłaszaj tam")
    room.hears("Od teraz będą tu ogłoszenia Klastra")
    return ewa, room


def send(ewa: Somebody, text: str) -> None:
    """Announce something to everyone at once."""
    announce(ewa, text)
    confirm(ewa)
    ewa.house.tick()


def invite_to_meeting(ewa: Somebody) -> None:
    """Plan a meeting and announce it to everyone at once."""
    plan(ewa)
    ewa.presses("Ogłoś to spotkanie")
    confirm(ewa)
    ewa.house.tick()


def test_the_coordinator_who_invites_is_asked_alone(house: House) -> None:
    ewa = coordinator(house)
    room = gather(house, (ewa, on_matrix(house, "Anna")))
    invites(ewa, room, "Pokój „Tablica Klastra”.", "Są w nim 2 osoby.")
    assert house.answered_at == [ewa.sender]
    assert ewa.labels() == ["Tak, ogłaszaj tam", "Nie", "Pokoje", "Menu"]
    ewa.presses("Tak, ogłaszaj tam", "trafiają teraz do pokoju „Tablica Klastra”")
    room.hears("Od teraz będą tu ogłoszenia", "wspomnij o mnie")


def test_one_message_stands_for_all_in_the_room(house: House) -> None:
    anna, jan, ola = on_matrix(house, "Anna"), on_matrix(house, "Jan"), house.person("Ola")
    ola.says("/start")
    ewa, room = named(house, anna)
    announce(ewa, "Jutro nie ma wody")
    assert "Dostaną je 2 osoby." in (summary := ewa.says("?"))
    assert "Pokój „Tablica Klastra”: jedna wiadomość dla wszystkich." in summary
    confirm(ewa)
    house.tick()
    text = room.hears("Ogłoszenie Klastra", "Jutro nie ma wody")
    assert "/profil" not in text
    assert room.seen[-1].rings
    for outside in (jan, ola):
        outside.hears("Jutro nie ma wody")
    for inside in (ewa, anna):
        assert inside.hears() == ""
    ewa.says("/ogloszenia", "Doręczono: 3")


def test_who_leaves_the_room_gets_their_own_again(house: House) -> None:
    anna = on_matrix(house, "Anna")
    ewa, room = named(house, anna)
    tell_people(room, [ewa])
    send(ewa, "Jutro nie ma wody")
    anna.hears("Jutro nie ma wody")


def test_members_and_guests_of_a_meeting_are_told_one_by_one(house: House) -> None:
    anna = on_matrix(house, "Anna")
    ewa, room = named(house, anna)
    plan(ewa)
    anna.says("/rsvp 1 yes")
    ewa.says("/nowe_ogloszenie")
    ewa.says("Zmiana sali")
    ewa.says("Uczestnicy spotkania")
    ewa.presses(next(label for label in ewa.labels() if "Rada" in label))
    ewa.says("Teraz")
    confirm(ewa)
    house.tick()
    anna.hears("Zmiana sali")
    assert room.hears() == ""


def test_a_reaction_in_the_room_answers_for_who_reacts_and_is_said_to_them_alone(house: House) -> None:
    anna = on_matrix(house, "Anna")
    ewa, room = named(house, anna)
    invite_to_meeting(ewa)
    room.hears("Rada")
    assert room.labels() == ["Będę", "Może", "Nie będę"]
    there = {"address": room.sender, "private": False, "aside": anna.sender, "kind": Kind.REACTION}
    anna.does(anna.incoming(text="1️⃣", answers=room.ref_of("Rada"), **there), "Twoja odpowiedź: będę.")
    assert house.answered_at == [anna.sender]
    assert room.hears() == ""
    ewa.says("/obecnosc 1", "Będzie: 1")


def test_a_reaction_to_somebody_elses_message_leaves_no_trace(house: House) -> None:
    _, room = named(house)
    jan = house.person("Jan", channel="matrix")
    there = {"address": room.sender, "private": False, "aside": jan.sender, "kind": Kind.REACTION}
    assert jan.does(jan.incoming(text="1️⃣", answers="$not ours", **there)) == ""
    assert "Jan" not in house.database.read(lambda session: session.scalars(select(Person.name)).all())


def test_what_is_personal_opens_a_direct_chat(house: House) -> None:
    jan = house.person("Jan", channel="matrix")
    _, room = named(house, jan)
    said = jan.incoming(text="/profil", address=room.sender, private=False, aside=jan.sender)
    jan.does(said, "Twój profil")
    assert house.answered_at == [jan.sender]
    room.hears("Odpowiadam w osobnej rozmowie")
    jan.does(jan.incoming(text="/profil", address=room.sender, private=False, aside=jan.sender))
    assert room.hears() == ""


def test_a_question_in_the_room_is_answered_there(house: House) -> None:
    anna = on_matrix(house, "Anna")
    _, room = named(house, anna)
    there = {"address": room.sender, "private": False, "aside": anna.sender}
    anna.does(anna.incoming(text="co to jest klaster?", **there), "sieć stałej współpracy")
    assert house.answered_at == [room.sender]


def test_nobody_else_names_a_room(house: House) -> None:
    anna = on_matrix(house, "Anna")
    ewa, room = named(house, anna)
    anna.does(
        anna.incoming(text="/pokoj", address=room.sender, private=False, aside=anna.sender),
        "To może zrobić tylko koordynator.",
    )
    anna.says("/pokoj 1 off", "To może zrobić tylko koordynator.")
    for odd in ("/pokoj 99 on", "/pokoj 1 perhaps", "/pokoj x on", "/pokoj 99999999999 on"):
        ewa.says(odd, "Nie ma takiego pokoju.")
    send(ewa, "Nadal tu")
    room.hears("Nadal tu")


def test_a_room_is_listed_and_given_up(house: House) -> None:
    ewa = coordinator(house)
    ewa.says("/pokoj", "jedna wiadomość zamiast wielu", "zaprosić")
    room = gather(house, [ewa], title="")
    ewa.says("/pokoj", "„pokój bez nazwy”: bez ogłoszeń.")
    ewa.presses("Ogłaszaj w „pokój bez nazwy”")
    room.hears("Od teraz")
    ewa.says("/pokoj", "trafiają tam ogłoszenia")
    ewa.presses("Nie ogłaszaj w „pokój bez nazwy”", "Każdy dostaje własną wiadomość.")
    send(ewa, "Do każdego")
    ewa.hears("Do każdego")
    assert room.hears() == ""


def test_a_title_is_shown_as_it_is_written(house: House) -> None:
    ewa = coordinator(house)
    room = gather(house, [ewa], title="<b>A & B</b>")
    invites(ewa, room, "Pokój „<b>A & B</b>”.")
    ewa.presses("Pokoje", "„<b>A & B</b>”")
    assert ewa.labels()[0] == "Ogłaszaj w „<b>A & B</b>”"


def test_a_lost_room_loses_no_announcement(house: House) -> None:
    anna = on_matrix(house, "Anna")
    ewa, room = named(house, anna)
    house.blocked.add(room.sender)
    send(ewa, "Jutro nie ma wody")
    house.tick()
    anna.hears("Jutro nie ma wody")
    ewa.hears("Jutro nie ma wody", "Nie mogę już pisać w pokoju „Tablica Klastra”.")
    ewa.says("/pokoj", "zaprosić")
    house.tick()
    assert anna.hears() == ""


def test_a_room_that_the_bot_was_removed_from_is_forgotten(house: House) -> None:
    anna = on_matrix(house, "Anna")
    ewa, room = named(house, anna)
    room.does(room.incoming(kind=Kind.CLOSED, sender=""))
    house.tick()
    ewa.hears("Nie mogę już pisać w pokoju")
    send(ewa, "Jutro nie ma wody")
    anna.hears("Jutro nie ma wody")


def test_a_room_that_moves_stays_named(house: House) -> None:
    anna = on_matrix(house, "Anna")
    ewa, room = named(house, anna)
    new = house.person("", channel="matrix")
    room.does(room.incoming(kind=Kind.MOVED, sender="", moved_to=new.sender))
    tell_people(new, [ewa, anna])
    send(ewa, "Jutro nie ma wody")
    new.hears("Jutro nie ma wody")
    assert anna.hears() == ""


def test_on_telegram_a_group_is_no_such_room(house: House) -> None:
    ewa = house.coordinator()
    ewa.chat = "-100"
    ewa.says("/pokoj", "Tu nie mogą trafiać ogłoszenia.", "pokoju na Matriksie")


def test_the_privacy_page_names_it(house: House) -> None:
    house.person("Anna").says("/prywatnosc", "W pokoju, do którego koordynator zaprosił bota")


def test_whoever_reacts_too_fast_is_told_alone(house: House) -> None:
    anna = on_matrix(house, "Anna")
    ewa, room = named(house, anna)
    invite_to_meeting(ewa)
    there = {"address": room.sender, "private": False, "aside": anna.sender, "kind": Kind.REACTION}
    said = [
        anna.does(anna.incoming(text=emoji, answers=room.ref_of("Rada"), **there))
        for emoji in ("1️⃣", "2️⃣") * TALK.burst
    ]
    assert sum("Za dużo wiadomości naraz" in text for text in said) == 1
    assert house.answered_at in ([], [anna.sender])
    assert room.hears().count("Rada") == 1


def test_a_room_that_is_lost_once_more_repeats_no_old_announcement(house: House) -> None:
    anna = on_matrix(house, "Anna")
    ewa, room = named(house, anna)
    house.blocked.add(room.sender)
    send(ewa, "Jutro nie ma wody")
    house.tick()
    anna.hears("Jutro nie ma wody")
    house.blocked.clear()
    jan = on_matrix(house, "Jan")
    tell_people(room, [ewa, anna, jan])
    invites(ewa, room)
    ewa.presses("Tak, ogłaszaj tam")
    room.does(room.incoming(kind=Kind.CLOSED, sender=""))
    house.tick()
    assert jan.hears() == ""


def test_a_room_that_is_lost_for_a_moment_loses_no_announcement(house: House) -> None:
    anna = on_matrix(house, "Anna")
    ewa, room = named(house, anna)
    announce(ewa, "Jutro nie ma wody")
    confirm(ewa)
    house.fall_due()
    room.does(room.incoming(kind=Kind.CLOSED, sender=""))
    tell_people(room, [ewa, anna])
    house.tick()
    anna.hears("Jutro nie ma wody")


def test_the_question_of_an_open_form_comes_once_more_below_that_about_a_room(house: House) -> None:
    ewa = coordinator(house)
    room = gather(house, [ewa])
    ewa.says("/nowe_ogloszenie", "Co chcesz ogłosić?")
    invites(ewa, room, "Pokój „Tablica Klastra”.", "Co chcesz ogłosić?")


def test_whoever_is_not_known_on_matrix_is_told_to_link_first(house: House) -> None:
    ewa = house.coordinator()
    ewa.says("/pokoj", "zaprosić", "Najpierw połącz")
    assert ewa.labels() == ["Połącz kanały", "Ogłoszenia", "Menu"]


def test_whoever_rejects_every_chat_is_not_invited_for_ever(house: House) -> None:
    ewa, room = named(house)
    invite_to_meeting(ewa)
    room.hears("Rada")
    jan = house.person("Jan", channel="matrix")
    there = {"address": room.sender, "private": False, "aside": jan.sender}
    opened = list[str]()
    for emoji in ("1️⃣", "2️⃣") * 4:
        jan.does(jan.incoming(text=emoji, **reaction_to(room), **there))
        opened += house.answered_at
        jan.does(jan.incoming(kind=Kind.CLOSED, sender=""))
    assert opened == [jan.sender] * 3
    assert jan.does(jan.incoming(text="x" * 5_000, **reaction_to(room), **there)) == ""
    jan.does(jan.incoming(text="/profil", **there), "napisz do mnie w prywatnej rozmowie")
    assert house.answered_at == [room.sender]
    house.now += timedelta(hours=1)
    jan.does(jan.incoming(text="/profil", **there), "Twój profil")


def reaction_to(room: Somebody) -> dict[str, Any]:
    """Return what makes a message a reaction to an invitation in a room."""
    return {"kind": Kind.REACTION, "answers": room.ref_of("Rada")}
