"""What several tests of the machine use."""

from pathlib import Path

import pytest

from bot.channels.matrix.session import Account
from tests.bot.matrix_bot import account
from tests.homeserver.synapse import Homeserver


@pytest.fixture
def known(homeserver: Homeserver) -> Account:
    """Give an account on Matrix for the bot, without a device."""
    return account(homeserver, homeserver.register("bot", with_device=False))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give where the folder of the bot's device on Matrix is to be."""
    return tmp_path / "matrix"
