"""The Matrix client and a member with Element's own cryptography."""

from pathlib import Path

import pytest

from tests.bot.matrix_bot import account, running
from tests.homeserver.member import Mode, member
from tests.homeserver.synapse import Homeserver


@pytest.mark.parametrize("mode", list(Mode))
async def test_talk(homeserver: Homeserver, tmp_path: Path, mode: Mode) -> None:
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
