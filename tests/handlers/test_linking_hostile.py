"""Linking against people's will, and at odds with itself: guessed and stolen codes, everything at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from handlers.dialogue.message import Incoming
from storage.database import Session, StoreUnavailable
from storage.links import Link
from storage.meetings import Attendance
from storage.people import Account, Person
from tests.handlers.linked import code_of, link, linked, on_two
from tests.handlers.test_meetings import plan
from tests.talk import House, Somebody

pytestmark = pytest.mark.stores("sqlite", "postgresql")

INVALID = "Ten kod jest nieważny."
ALREADY = "Te kanały są już połączone."


def persons(house: House) -> list[list[str]]:
    """Return the channels of everybody who has an account."""

    def work(session: Session) -> list[list[str]]:
        found: dict[int, list[str]] = {}
        for account in session.query(Account).order_by(Account.channel):
            found.setdefault(account.person_id, []).append(account.channel)
        return sorted(found.values())

    return house.database.read(work)


def count(house: House, condition: Callable[[Session], int]) -> int:
    """Return a number out of the store."""
    return house.database.read(condition)


def coordinators(house: House) -> int:
    """Return how many coordinate."""
    return count(house, lambda session: session.query(Person).filter(Person.coordinates).count())


def at_once(house: House, *incoming: Incoming) -> None:
    """Hand in messages at once, and those which the store refuses again, as a channel does."""

    def insist(one: Incoming) -> None:
        for _ in range(10):
            try:
                house.handle(one)
            except StoreUnavailable:
                continue
            return
        raise AssertionError("the store refused ten times")

    with ThreadPoolExecutor(len(incoming)) as threads:
        list(threads.map(insist, incoming))


# ---- codes -------------------------------------------------------------------------------------------------


def test_guessing_is_slowed_down_and_leaves_the_code_good(house: House) -> None:
    anna, thief, page = house.person("Anna"), house.person("T", channel="web"), house.person(channel="web")
    code = code_of(anna)
    for number in range(5):
        thief.says(f"/polacz AAAAA-AAA2{number + 2}", INVALID)
    thief.says(f"/polacz {code}", "Za dużo prób")
    page.says(f"/polacz {code}", "Połączono")


def test_a_code_for_one_thing_opens_nothing_else(house: House) -> None:
    phone, page = on_two(house)
    page.says(f"/claim {code_of(phone)}", "Ten kod jest nieważny")
    page.says(f"/polacz {house.coordinator_code()}", INVALID)
    assert coordinators(house) == 0
    assert persons(house) == [["telegram"], ["web"]]


def test_a_code_is_good_for_ten_minutes(house: House) -> None:
    phone, page = on_two(house)
    code = code_of(phone)
    house.pass_time(minutes=10, seconds=1)
    page.says(f"/polacz {code}", INVALID)
    code = code_of(phone)
    house.pass_time(minutes=10)
    page.says(f"/polacz {code}", "Połączono")


def test_a_code_works_once_and_a_new_one_takes_its_place(house: House) -> None:
    phone, page = on_two(house)
    room = house.person(channel="matrix")
    old, code = code_of(phone), code_of(phone)
    page.says(f"/polacz {old}", INVALID)
    page.says(f"/polacz {code}", "Połączono")
    page.says(f"/polacz {code}", INVALID)
    room.says(f"/polacz {code}", INVALID)


def test_nobody_is_linked_with_themselves(house: House) -> None:
    phone, page = on_two(house)
    code = code_of(phone)
    phone.says(f"/polacz {code}", "nie stąd")
    page.says(f"/polacz {code}", "Połączono")
    page.says(f"/polacz {code_of(phone)}", ALREADY)


def test_nobody_is_linked_with_another_on_the_same_channel(house: House) -> None:
    anna, jan = house.person("Anna"), house.person("Jan")
    code = code_of(anna)
    jan.says(f"/polacz {code}", "tu byłyby dwa takie same: Telegram.")
    assert persons(house) == [["telegram"], ["telegram"]]
    house.person(channel="web").says(f"/polacz {code}", "Połączono")


@pytest.mark.parametrize("typed", ["x", "🎉", "' OR 1=1 --", "a" * 3_900, "\u0000", "AAAAA AAAAA AAAAA"])
def test_what_is_no_code_is_said_to_be_none(house: House, typed: str) -> None:
    phone, page = on_two(house)
    code_of(phone)
    said = page.says(f"/polacz {typed}")
    assert said.startswith((INVALID, "Wyślij to z drugiego kanału"))
    assert persons(house) == [["telegram"], ["web"]]


# ---- theft -------------------------------------------------------------------------------------------------


def test_whoever_steals_a_code_is_noticed_and_loses_everything_by_one_press(house: House) -> None:
    ewa, thief = house.coordinator(), house.person("Złodziej", channel="web")
    plan(ewa, places="1")
    ewa.says("/rsvp 1 yes")
    thief.says(f"/polacz {code_of(ewa)}", "Połączono")
    thief.says("/rsvp 1 maybe")
    ewa.hears("Kod wysłano z kanału: czat w przeglądarce. Jeśli to nie Ty, naciśnij „Rozłącz”.")
    ewa.presses("Rozłącz", "Rozłączono")
    thief.hears("Rozłączono")
    thief.says("/nowe_spotkanie", "To może zrobić tylko koordynator.")
    thief.says("/profil", "Imię i nazwisko: Złodziej")
    ewa.says("/nowe_spotkanie", "Jaki tytuł ma spotkanie?")
    assert coordinators(house) == 1


@pytest.mark.parametrize("who", ["victim", "thief"])
def test_linking_and_unlinking_at_once_takes_nothing_with_it(house: House, who: str) -> None:
    """Whoever lures somebody into sending their own code is left with nothing of theirs."""
    thief = house.person("Złodziej", channel="web")
    victim, ewa = house.member("Anna", "Wodociągi"), house.coordinator()
    plan(ewa)
    victim.says("/rsvp 1 yes")
    victim.says(f"/polacz {code_of(thief)}", "Połączono")
    thief.says("/spotkania", "Twoja odpowiedź: będę.")
    (victim if who == "victim" else thief).says("/rozlacz", "Rozłączono")
    thief.says("/spotkania", "Nie ma jeszcze Twojej odpowiedzi.", "Będzie 1 osoba.")
    thief.says("/profil", "Organizacja: brak", "Imię i nazwisko: Złodziej")
    victim.says("/spotkania", "Twoja odpowiedź: będę.")
    victim.says("/profil", "Organizacja: Wodociągi", "Imię i nazwisko: Anna")


def test_a_role_that_was_taken_away_does_not_come_back(house: House) -> None:
    ewa, page = house.coordinator(), house.person(channel="web")
    link(ewa, page)

    def dismiss(session: Session) -> None:
        [chief] = session.query(Person).filter(Person.coordinates)
        chief.coordinates = False

    house.database.write(dismiss)
    ewa.says("/rozlacz", "Rozłączono")
    for one in (ewa, page):
        one.says("/nowe_spotkanie", "To może zrobić tylko koordynator.")
    assert coordinators(house) == 0


# ---- everything at once ------------------------------------------------------------------------------------


def send(somebody: Somebody, text: str) -> Incoming:
    """Return a message that is about to be handed in."""
    return somebody.incoming(text=text)


def test_both_directions_at_once_make_one_person(house: House) -> None:
    phone, page = on_two(house)
    first, second = code_of(phone), code_of(page)
    at_once(house, send(page, f"/polacz {first}"), send(phone, f"/polacz {second}"))
    assert persons(house) == [["telegram", "web"]]
    phone.says("/rozlacz", "Rozłączono")
    assert persons(house) == [["telegram"], ["web"]]


def test_of_two_who_send_a_code_at_once_one_is_linked(house: House) -> None:
    anna, others = house.person("Anna"), [house.person(channel=name) for name in ("web", "matrix")]
    for other in others:
        other.says("/start")
    code = code_of(anna)
    at_once(house, *(send(other, f"/polacz {code}") for other in others))
    assert sorted(map(len, persons(house))) == [1, 2]


def test_three_who_link_in_a_ring_at_once_are_one_person(house: House) -> None:
    ring = [house.person(channel=name) for name in ("telegram", "web", "matrix")]
    codes = [code_of(one) for one in ring]
    at_once(house, *(send(one, f"/polacz {codes[number - 1]}") for number, one in enumerate(ring)))
    assert persons(house) == [["matrix", "telegram", "web"]]
    assert count(house, lambda session: session.query(Link).count()) == 3


def test_unlinking_on_both_sides_at_once_is_done_once(house: House) -> None:
    phone, page = linked(house)
    at_once(house, send(phone, "/rozlacz"), send(page, "/rozlacz"))
    assert persons(house) == [["telegram"], ["web"]]
    assert count(house, lambda session: session.query(Link).count()) == 0


def test_an_answer_given_while_they_are_linked_is_kept(house: House) -> None:
    phone, page = on_two(house)
    plan(house.coordinator())
    code = code_of(phone)
    at_once(house, send(page, "/rsvp 1 yes"), send(phone, "/rsvp 1 yes"), send(page, f"/polacz {code}"))
    assert count(house, lambda session: session.query(Attendance).count()) == 1
    for one in (phone, page):
        one.says("/spotkania", "Twoja odpowiedź: będę.", "Będzie 1 osoba.")


def test_a_membership_granted_while_they_are_linked_is_not_lost(house: House) -> None:
    ewa, (phone, page) = house.coordinator(), on_two(house)
    for text in ("/zglos", "Zorza", "Anna Nowak", "600 700 800", "woda"):
        page.says(text)
    page.presses("Zgadzam się")
    page.presses("Wyślij zgłoszenie")
    code = code_of(phone)
    at_once(house, send(ewa, "/accept 1"), send(page, f"/polacz {code}"))
    for one in (phone, page):
        one.says("/profil", "Organizacja: Zorza")
    phone.says("/rozlacz")
    phone.says("/profil", "Organizacja: brak")
    page.says("/profil", "Organizacja: Zorza")


def test_two_coordinators_become_one_and_two_again(house: House) -> None:
    phone, page = on_two(house)
    for one in (phone, page):
        one.says(f"/claim {house.coordinator_code()}", "Witamy w roli koordynatora")
    link(page, phone)
    assert coordinators(house) == 1
    page.says("/rozlacz")
    assert coordinators(house) == 2
