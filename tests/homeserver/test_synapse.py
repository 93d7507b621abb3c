"""The homeserver for tests: it is real, stops when it should, and its administrator has the usual powers."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from tests.homeserver import synapse
from tests.homeserver.settings import Limits
from tests.homeserver.stranger import Stranger
from tests.homeserver.synapse import Homeserver, Refused, synapse_server

ROOT = Path(__file__).parents[2]
PATIENCE = 20
"""Seconds in which a server has to be gone."""

HOLDER = """
from tests.homeserver.synapse import synapse_server
with synapse_server() as server:
    print(server.folder, flush=True)
    input()
"""


@pytest.fixture(scope="module")
def stock() -> Iterator[Homeserver]:
    """Give a server with the limits that Synapse comes with."""
    if (lacks := synapse.missing()) is not None:
        pytest.skip(lacks)
    with synapse_server(Limits.STOCK) as server:
        yield server


def says_until_refused(stranger: Stranger, room: str) -> tuple[int, Refused | None]:
    """Say something up to twenty times; return how often the server took it, and its refusal."""
    for number in range(20):
        try:
            stranger.says(room, str(number))
        except Refused as refused:
            return number, refused
    return 20, None


def refusal(server: Homeserver, stranger: Stranger) -> Refused:
    """Return what the server says to somebody who may not do anything any more."""
    with pytest.raises(Refused) as caught:
        server.call("GET", "/_matrix/client/v3/sync", token=stranger.account.access_token)
    return caught.value


def test_stock_limits_refuse_the_eleventh_message_until_they_are_lifted(stock: Homeserver) -> None:
    stranger = Stranger(stock)
    room = stranger.opens(Stranger(stock).user_id)
    taken, refused = says_until_refused(stranger, room)
    assert 5 <= taken <= 15
    assert refused is not None
    assert (refused.status, refused.answer["errcode"]) == (429, "M_LIMIT_EXCEEDED")
    assert refused.answer["retry_after_ms"] > 0
    stock.lift_limits(stranger.user_id)
    assert says_until_refused(stranger, room) == (20, None)


def test_relaxed_limits_refuse_nothing(homeserver: Homeserver) -> None:
    stranger = Stranger(homeserver)
    room = stranger.opens(Stranger(homeserver).user_id)
    assert says_until_refused(stranger, room) == (20, None)


def test_a_token_expires_softly_and_the_device_stays(stock: Homeserver) -> None:
    stranger = Stranger(stock)
    stranger.calls("GET", "account/whoami")
    stock.expire_tokens(stranger.user_id)
    refused = refusal(stock, stranger)
    assert (refused.status, refused.answer["soft_logout"]) == (401, True)
    assert stock.devices(stranger.user_id) == [stranger.account.device_id]


def test_the_administrator_logs_out_and_deactivates(stock: Homeserver) -> None:
    stranger = Stranger(stock)
    stock.log_out(stranger.user_id)
    refused = refusal(stock, stranger)
    assert (refused.status, refused.answer["soft_logout"]) == (401, False)
    assert stock.devices(stranger.user_id) == []
    stock.log_in(stranger.account)
    stock.deactivate(stranger.user_id)
    with pytest.raises(Refused, match="403"):
        stock.log_in(stranger.account)


def test_a_restarted_server_has_its_port_and_its_facts(stock: Homeserver) -> None:
    stranger, url = Stranger(stock), stock.url
    room = stranger.opens(Stranger(stock).user_id)
    stock.restart()
    assert stock.url == url
    assert room in stranger.calls("GET", "joined_rooms")["joined_rooms"]


def test_a_server_ends_with_the_process_that_started_it() -> None:
    if (lacks := synapse.missing()) is not None:
        pytest.skip(lacks)
    holder = Popen(  # noqa: S603 - our own script
        [sys.executable, "-c", HOLDER], cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        folder = Path(holder.stdout.readline().strip())
        assert folder.is_dir()
        holder.kill()
    end = time.monotonic() + PATIENCE
    while folder.exists():
        assert time.monotonic() < end, "it goes on"
        time.sleep(0.05)
