"""People and their accounts."""

import pytest

from storage import people
from storage.database import Database, Session
from storage.organisations import add_organisation, get_organisation_called
from storage.people import Account
from tests.storage.conftest import NOW, AddPerson

pytestmark = pytest.mark.stores("sqlite", "postgresql")


def test_who_coordinates_is_known(database: Database, add: AddPerson) -> None:
    add("Anna")
    assert not database.read(people.has_coordinator)
    ewa = add("Ewa", coordinates=True)
    assert database.read(people.has_coordinator)
    assert [one.id for one in database.read(people.list_coordinators)] == [ewa]


def test_a_person_is_reached_on_the_oldest_open_account(database: Database, add: AddPerson) -> None:
    anna = add("Anna")
    web = Account(channel="web", sender="w", address="page", person_id=anna)
    group = Account(channel="matrix", sender="m", address=None, person_id=anna)
    database.write(lambda session: session.add_all([group, web]))

    def channels(session: Session) -> list[str]:
        return [account.channel for account in people.get_open_accounts(session, [anna]).values()]

    assert database.read(channels) == ["telegram"]
    database.write(lambda session: people.set_accounts_closed(session, "telegram", "Anna", NOW))
    assert database.read(channels) == ["web"]


def test_a_person_is_reached_on_the_channel_they_prefer_while_it_is_open(
    database: Database, add: AddPerson
) -> None:
    anna, jan = add("Anna", preferred_channel="web"), add("Jan", preferred_channel="matrix")
    pages = [Account(channel="web", sender=f"w{one}", address="page", person_id=one) for one in (anna, jan)]
    database.write(lambda session: session.add_all(pages))

    def channels(session: Session) -> dict[int, str]:
        found = people.get_open_accounts(session, [anna, jan])
        return {person_id: account.channel for person_id, account in found.items()}

    assert database.read(channels) == {anna: "web", jan: "telegram"}
    database.write(lambda session: people.set_accounts_closed(session, "web", "page", NOW))
    assert database.read(channels) == {anna: "telegram", jan: "telegram"}


def test_closing_an_address_closes_no_other(database: Database, add: AddPerson) -> None:
    add("Anna")
    jan = add("Jan")
    database.write(lambda session: people.set_accounts_closed(session, "telegram", "Anna", NOW))
    database.write(lambda session: people.set_accounts_closed(session, "web", "Jan", NOW))
    assert len(database.read(lambda session: people.get_open_accounts(session, [jan]))) == 1


def test_the_language_at_an_address(database: Database, add: AddPerson) -> None:
    add("John", "en")
    assert database.read(lambda session: people.get_locale_at(session, "telegram", "John")) == "en"
    assert database.read(lambda session: people.get_locale_at(session, "web", "John")) is None


def test_an_organisation_is_found_in_any_letter_case(database: Database) -> None:
    database.write(lambda session: add_organisation(session, "Łódzkie ŻÓŁWIE", "company"))
    found = database.read(lambda session: get_organisation_called(session, "łódzkie żółwie"))
    assert found is not None
    assert database.read(lambda session: get_organisation_called(session, "lodzkie")) is None
