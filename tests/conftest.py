"""What tests of every folder use."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.talk import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a bot with a fresh SQLite store."""
    made = House(tmp_path)
    yield made
    made.database.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --no-skips: on a machine that should have everything, a skipped test is a failure."""
    parser.addoption("--no-skips", action="store_true", help="fail when a test was skipped")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn the exit status of a run with skipped tests into a failure, if that was asked for."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.config.getoption("--no-skips") and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("Tests were skipped on a machine which should have run them all.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
