"""What two people do at the same moment, each through a process of their own: both are told what is true."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Barrier

import pytest

from storage.database import Session
from storage.organisations import list_organisations
from storage.people import Person
from tests.stores import NewStore
from tests.talk import House, Somebody, fresh

pytestmark = pytest.mark.stores("sqlite", "postgresql")

ROUNDS = 8


@pytest.fixture
def houses(new_store: NewStore) -> Iterator[tuple[House, House]]:
    """Give two processes with one fresh store."""
    url = new_store(fresh)
    made = House(url), House(url)
    yield made
    for house in made:
        house.database.close()


def together(*acts: Callable[[], str]) -> list[str]:
    """Do things at the same moment and return what was answered."""
    barrier = Barrier(len(acts))

    def act(one: Callable[[], str]) -> str:
        barrier.wait(30)
        return one()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(act, acts))


def apply(house: House, organisation: str) -> Somebody:
    """Let somebody new apply for an organisation."""
    applicant = house.person("Anna Nowak")
    applicant.says("/zglos")
    for answer in (organisation, "Anna Nowak", "600 700 800", "woda"):
        applicant.says(answer)
    applicant.presses("Zgadzam się")
    applicant.presses("Wyślij zgłoszenie")
    house.pass_time(minutes=1)  # many applications at once are too many
    return applicant


def coordinators(houses: tuple[House, House]) -> tuple[Somebody, Somebody]:
    """Return two coordinators, the second of whom talks with the second process."""
    first, other = houses
    return first.coordinator(), replace(first.coordinator("Jan Drugi"), house=other)


def members(session: Session) -> list[int]:
    """Return the organisation of everybody who has one."""
    found = session.query(Person).filter(Person.organisation_id.is_not(None))
    return [one.organisation_id or 0 for one in found]


def test_an_application_is_decided_once(houses: tuple[House, House]) -> None:
    ewa, jan = coordinators(houses)
    for number in range(1, ROUNDS + 1):
        anna = apply(houses[0], f"Firma {number}")
        said = together(
            partial(ewa.says, f"/accept {number}"),
            partial(jan.says, f"/refuse {number} yes"),
        )
        assert len([text for text in said if "być może już zapadła" in text]) == 1, said
        accepted = "Przyjęto" in said[0]
        assert accepted != ("Odmówiono" in said[1]), said
        heard = anna.hears("przyjęte")
        assert ("nie zostało przyjęte" in heard) != accepted
        ewa.hears()


def test_one_organisation_comes_of_two_applications_for_it(houses: tuple[House, House]) -> None:
    ewa, jan = coordinators(houses)
    for number in range(ROUNDS):
        annas = apply(houses[0], f"Żółta Łódź {number}"), apply(houses[0], f"ŻÓŁTA ŁÓDŹ {number}")
        said = together(
            partial(ewa.says, f"/accept {2 * number + 1}"),
            partial(jan.says, f"/accept {2 * number + 2}"),
        )
        assert all("Przyjęto" in text for text in said), said
        for anna in annas:
            anna.hears("Zgłoszenie przyjęte")
    listed = houses[0].database.read(list_organisations)
    assert len([one for one in listed if "żółta" in one.name.casefold()]) == ROUNDS
    theirs = houses[0].database.read(members)
    assert (len(theirs), len(set(theirs))) == (2 * ROUNDS, ROUNDS)
