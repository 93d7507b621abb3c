"""People who write on several channels, for the tests: their codes and their links."""

import re

from tests.handlers.test_bad_input import announce, confirm
from tests.talk import House, Somebody


def code_of(somebody: Somebody) -> str:
    """Let somebody ask for a code and return it."""
    found = re.search(r"/(?:polacz|link) (\S+)", somebody.says("/polacz"))
    assert found is not None
    return found[1]


def link(here: Somebody, there: Somebody, *expected: str) -> None:
    """Let somebody take a code here and send it there."""
    there.says(f"/polacz {code_of(here)}", "Połączono", *expected)
    here.hears("Połączono", "Kod wysłano z kanału")


def on_two(house: House, name: str = "Anna Nowak") -> tuple[Somebody, Somebody]:
    """Return somebody on Telegram and in the web chat, known there as two people."""
    phone, page = house.person(name), house.person("", channel="web")
    for one in (phone, page):
        one.says("/start", "Dzień dobry!")
    return phone, page


def linked(house: House, name: str = "Anna Nowak") -> tuple[Somebody, Somebody]:
    """Return somebody on Telegram and in the web chat, known as one person."""
    phone, page = on_two(house, name)
    link(phone, page)
    return phone, page


def tell_everybody(house: House, ewa: Somebody, text: str) -> None:
    """Let a coordinator announce something, and the announcement be delivered."""
    announce(ewa, text)
    confirm(ewa)
    house.tick()
