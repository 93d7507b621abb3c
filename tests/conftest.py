"""What tests of every folder use."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.homeserver import client, synapse
from tests.homeserver.synapse import Homeserver, synapse_server
from tests.postgres import Server, find_binaries, postgres_server
from tests.stores import Fill, NewStore, new_file
from tests.talk import House, fresh


@pytest.fixture
def house(new_store: NewStore) -> Iterator[House]:
    """Give a bot with a fresh store."""
    made = House(new_store(fresh))
    yield made
    made.database.close()


@pytest.fixture
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewStore]:
    """Give what makes stores: SQLite's, or what the marker `stores` names."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield partial(new_file, tmp_path)
        return
    server: Server = request.getfixturevalue("postgres")
    made = list[str]()

    def make(fill: Fill | None) -> str:
        made.append(server.new_database(fill))
        return made[-1]

    yield make
    for url in made:
        server.drop_database(url)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """Give the tests' own PostgreSQL server, started for the first that asks."""
    if find_binaries() is None:
        pytest.skip("PostgreSQL's server is not installed (Debian's package is postgresql)")
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def homeserver() -> Iterator[Homeserver]:
    """Give the tests' own homeserver, which limits nobody, started for the first that asks."""
    if (lacks := synapse.missing() or client.missing()) is not None:
        pytest.skip(lacks)
    with synapse_server() as server:
        yield server


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once on every store that its nearest marker `stores` names."""
    marker = metafunc.definition.get_closest_marker("stores")
    if marker is not None and "new_store" in metafunc.fixturenames:
        metafunc.parametrize("new_store", marker.args, indirect=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --no-skips: on a machine that should have everything, a skipped test is a failure."""
    parser.addoption("--no-skips", action="store_true", help="fail when a test was skipped")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn the exit status of a run with skipped tests into a failure, if that was asked for."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.config.getoption("--no-skips") and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("Tests were skipped on a machine which should have run them all.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
