"""A small Bot API server over real HTTP, shaped as the Bot API documents it, for tests and benchmarks."""

from tests.fake_telegram.people import Group, Person, Sent
from tests.fake_telegram.server import Call, Failure, FakeTelegram, Json

__all__ = ["Call", "Failure", "FakeTelegram", "Group", "Json", "Person", "Sent"]
