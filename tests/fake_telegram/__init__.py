"""A small Bot API server over real HTTP, shaped as the Bot API documents it, for tests and benchmarks."""

from tests.fake_telegram.failures import Failure
from tests.fake_telegram.limits import Limits
from tests.fake_telegram.people import Group, Person, Sent
from tests.fake_telegram.posting import PostMode
from tests.fake_telegram.server import Call, FakeTelegram, Json

__all__ = ["Call", "Failure", "FakeTelegram", "Group", "Json", "Limits", "Person", "PostMode", "Sent"]
