"""The Matrix client and a member with Element's own cryptography."""

import asyncio
import logging
import sys
from asyncio.subprocess import PIPE
from contextlib import suppress
from pathlib import Path

import pytest

from bot.channels.matrix.machine import Machine
from tests.bot.matrix_bot import PATIENCE, Bot, Twin, account, running
from tests.homeserver.member import Member, Mode, member
from tests.homeserver.synapse import Homeserver


@pytest.mark.parametrize("mode", list(Mode))
async def test_talk(
    homeserver: Homeserver, tmp_path: Path, mode: Mode, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    known = account(homeserver, homeserver.register("bot"))
    async with running(known, tmp_path / "matrix") as bot, member(homeserver, "anna", mode) as anna:
        await anna.opens(bot.user_id, "Dzień dobry")
        await bot.hears("Dzień dobry")
        await bot.says(anna.room, "Witam")
        await anna.hears("Witam")
        [message] = anna.screen().values()
        assert message.encrypted is (mode is not Mode.PLAIN)
        assert message.shield is None
        if mode is not Mode.PLAIN:
            assert (await anna.knows(bot.user_id)).signed == {bot.client.device_id: True}
        assert "Dzień dobry" not in caplog.text
        assert "Witam" not in caplog.text
        assert bot.client.vault.login.access_token not in caplog.text


async def test_a_broken_session_is_replaced(homeserver: Homeserver, tmp_path: Path) -> None:
    twin, known = Twin(), account(homeserver, homeserver.register("bot"))
    async with member(homeserver, "anna") as anna:
        async with running(known, tmp_path / "matrix", twin) as bot:
            await anna.opens(bot.user_id, "Przed")
            await bot.hears("Przed")
            await bot.says(anna.room, "Słyszę")
            await anna.hears("Słyszę")
            await bot.client.vault.run(
                lambda machine: machine.file.connection.execute("DELETE FROM olm_sessions")
            )
        async with running(known, tmp_path / "matrix", twin) as bot:
            await anna.discards_key()
            await anna.sends("Z nowym kluczem, którego bot nie może odczytać")
            async with asyncio.timeout(30):
                while not await bot.client.vault.run(is_repaired):  # noqa: ASYNC110 - nobody is told
                    await asyncio.sleep(0.05)
            await says_until_heard(anna, bot, "Po")


async def says_until_heard(anna: Member, bot: Bot, text: str) -> None:
    """Say something again, each time with a new key, until it is heard.

    When her client knows of the new session, nobody is told: until then it uses the broken one.
    """
    async with asyncio.timeout(PATIENCE):
        while text not in bot.texts():
            await anna.discards_key()
            await anna.sends(text)
            with suppress(TimeoutError):
                async with asyncio.timeout(2):
                    await bot.hears(text)


def is_repaired(machine: Machine) -> bool:
    """Return whether a session was replaced."""
    return bool(machine._repaired) and not machine.wedged_devices and not machine.outgoing_to_device_messages


async def test_only_where_matrix_is_used_its_library_is_loaded() -> None:
    code = (
        "import sys, bot.app, bot.channels.matrix, bot.channels.matrix.session; print('nio' in sys.modules)"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=PIPE)
    said, _ = await process.communicate()
    assert said == b"False\n"
