"""The first words on every channel: a greeting, the menu, questions, the language, what is kept."""

import pytest

from tests.conversations.town import Town

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_greeting_and_the_menu(town: Town) -> None:
    anna = await town.comes("Anna Nowak")
    assert anna.labels() == ["Spotkania", "Ogłoszenia", "Jak dołączyć", "Profil", "Polski / English"]
    messages = len(anna.screen())
    await anna.presses("Spotkania", "Nie ma teraz zaplanowanego spotkania")
    menu = await anna.presses("Menu", "Po prostu napisz pytanie")
    assert menu.labels[0] == "Spotkania"
    assert len(anna.screen()) == messages
