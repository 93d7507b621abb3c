"""What tests of every folder use."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.talk import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A bot with a fresh SQLite store."""
    made = House(tmp_path)
    yield made
    made.database.close()
