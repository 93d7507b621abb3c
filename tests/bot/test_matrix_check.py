"""The command `check` on Matrix, as a process of its own beside a real homeserver."""

import asyncio
import json
import re
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from tests.bot.matrix_proxy import proxied, refused
from tests.bot.processes import PATIENCE, call, end, make_store, names_in, running
from tests.homeserver import synapse
from tests.homeserver.settings import Limits
from tests.homeserver.synapse import Account, Homeserver, synapse_server

Variables = dict[str, str]

NAMES = ["login", "device", "cross-signing", "rate limit"]


@pytest.fixture(scope="module")
def stock() -> Iterator[Homeserver]:
    """Give a server with the limits that Synapse comes with."""
    if (lacks := synapse.missing()) is not None:
        pytest.skip(lacks)
    with synapse_server(Limits.STOCK) as server:
        yield server


def set_up(server: Homeserver, bot: Account, **more: str) -> Variables:
    """Return the variables of a bot's account."""
    known = {"MATRIX_HOMESERVER": server.url, "MATRIX_USER": bot.user_id, "MATRIX_PASSWORD": bot.password}
    return known | {"MATRIX_STORE_KEY": "a secret of the tests"} | more


def number_of(folder: Path) -> int:
    """Return the number of the bot's device, which grows as the last step of opening it."""
    with closing(sqlite3.connect(folder / "aglomeracja.db")) as store:
        return int(store.execute("SELECT coalesce(max(generation), 0) FROM device").fetchone()[0])


@asynccontextmanager
async def opened(folder: Path, variables: Variables) -> AsyncIterator[None]:
    """Let the bot run as soon as its device is open, until the end of the block."""
    if not (folder / "aglomeracja.db").exists():
        make_store(folder)
    before = number_of(folder)
    async with running(folder, **variables) as (process, _), asyncio.timeout(PATIENCE):
        while number_of(folder) == before:  # noqa: ASYNC110 - another process changes it
            await asyncio.sleep(0.05)
        yield
        await end(process, signal.SIGTERM)


async def started_once(folder: Path, variables: Variables) -> None:
    """Let the bot run until its device is open, and end it."""
    async with opened(folder, variables):
        pass


async def check(folder: Path, variables: Variables) -> tuple[int, dict[str, str], str]:
    """Return the exit status, what is said of each part of Matrix ("ok …", "wrong …"), and all that is said.

    Fails when there is a traceback or a secret in it.
    """
    done = await asyncio.to_thread(call, folder, "check", **variables)
    assert done.stderr == ""
    for secret in ("MATRIX_PASSWORD", "MATRIX_ACCESS_TOKEN", "MATRIX_STORE_KEY"):
        assert variables.get(secret, "no secret") not in done.stdout
    found = re.findall(r"^(ok|wrong) +matrix ?([a-z -]*): (.*)$", done.stdout, re.MULTILINE)
    return done.returncode, {name: f"{verdict} {text}" for verdict, name, text in found}, done.stdout


def rooms_of(server: Homeserver, account: Account) -> list[str]:
    """Return the rooms that somebody is in."""
    rooms: list[str] = server.administer("GET", f"v1/users/{account.user_id}/joined_rooms")["joined_rooms"]
    return rooms


async def test_all_four_are_fine_and_nothing_is_left_behind(homeserver: Homeserver, tmp_path: Path) -> None:
    bot = homeserver.register("bot", with_device=False)
    variables = set_up(homeserver, bot, MATRIX_PER_SECOND="20")
    await started_once(tmp_path, variables)
    [device] = homeserver.devices(bot.user_id)
    status, said, everything = await check(tmp_path, variables)
    assert (status, list(said)) == (0, NAMES)
    assert said["login"] == f"ok {bot.user_id} at {homeserver.url}"
    assert said["device"].startswith(f"ok {device} with the keys that the homeserver hands out, 50 one-time")
    assert said["device"].endswith("and a fallback key")
    assert said["cross-signing"] == f"ok the identity is the bot's own, and has signed {device}"
    assert re.fullmatch(r"ok none was met, 12 messages in [0-9.]+ s were taken", said["rate limit"])
    assert "curl" not in everything
    assert homeserver.devices(bot.user_id) == [device]
    assert rooms_of(homeserver, bot) == []


async def test_before_the_first_start_it_makes_nothing_and_hints_at_a_faster_pace(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    bot = homeserver.register("bot", with_device=False)
    status, said, everything = await check(tmp_path, set_up(homeserver, bot))
    assert status == 0
    assert said["device"] == "ok there is none yet, the first start makes it"
    assert said["cross-signing"] == "ok there is no identity yet, the first start makes it"
    assert said["rate limit"].endswith("the bot may send faster: set MATRIX_PER_SECOND=20")
    assert "curl" not in everything
    assert names_in(tmp_path) == []
    assert homeserver.devices(bot.user_id) == []


async def test_the_limit_of_a_stock_synapse_is_measured_and_lifted_by_the_call_that_is_printed(
    stock: Homeserver, tmp_path: Path
) -> None:
    bot = stock.register("bot", with_device=False)
    status, said, everything = await check(tmp_path, set_up(stock, bot))
    assert status == 0
    assert re.match(
        r"ok [89] messages at once, then a wait of [0-9.]+ s, so 0\.2 a second,"
        r" to which MATRIX_PER_SECOND=0\.2 keeps\.",
        said["rate limit"],
    )
    [line] = [line for line in everything.splitlines() if line.startswith("curl ")]
    assert bot.user_id.replace("@", "%40").replace(":", "%3A") in line
    assert rooms_of(stock, bot) == []  # and an administrator is there now
    pasted = line.replace("ADMIN_TOKEN", stock._admin.access_token)
    done = await asyncio.to_thread(
        subprocess.run, ["/bin/sh", "-c", pasted], capture_output=True, encoding="utf-8", check=True
    )
    assert json.loads(done.stdout) == {"messages_per_second": 0, "burst_count": 0}
    status, said, everything = await check(tmp_path, set_up(stock, bot, MATRIX_PER_SECOND="20"))
    assert (status, "curl" in everything) == (0, False)
    assert said["rate limit"].startswith("ok none was met, 12 messages")


async def test_a_pace_faster_than_the_limit_is_wrong_and_a_slower_one_is_told(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    bot = homeserver.register("bot", with_device=False)
    homeserver.set_limits(bot.user_id, 2, 5)
    status, said, everything = await check(tmp_path, set_up(homeserver, bot, MATRIX_PER_SECOND="20"))
    assert status == 1
    assert said["rate limit"].startswith("wrong MATRIX_PER_SECOND=20 is faster than the homeserver allows (")
    assert re.search(r"set MATRIX_PER_SECOND=(1\.9|2)\.?", said["rate limit"])
    assert "\ncurl " in everything
    status, said, _ = await check(tmp_path, set_up(homeserver, bot, MATRIX_PER_SECOND="0.5"))
    assert status == 0
    assert re.search(r"the bot may send faster: set MATRIX_PER_SECOND=(1\.9|2)\.?", said["rate limit"])
    assert rooms_of(homeserver, bot) == []


async def test_a_wrong_password_is_one_sentence(homeserver: Homeserver, tmp_path: Path) -> None:
    bot = homeserver.register("bot", with_device=False)
    variables = set_up(homeserver, bot)
    await started_once(tmp_path, variables)
    status, said, _ = await check(tmp_path, variables | {"MATRIX_PASSWORD": "something else"})
    assert status == 1
    assert said == {
        "login": "wrong The homeserver does not accept the bot's password (403 M_FORBIDDEN)."
        " See MATRIX_HOMESERVER, MATRIX_USER and MATRIX_PASSWORD."
    }


async def test_a_homeserver_that_cannot_be_reached_is_one_sentence(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    bot = homeserver.register("bot", with_device=False)
    variables = set_up(homeserver, bot, MATRIX_HOMESERVER="http://127.0.0.1:9")
    status, said, _ = await check(tmp_path, variables)
    assert (status, list(said)) == (1, ["login"])
    assert said["login"].startswith("wrong no answer from the homeserver (")


async def test_what_is_missing_is_one_sentence(homeserver: Homeserver, tmp_path: Path) -> None:
    status, said, _ = await check(tmp_path, {"MATRIX_HOMESERVER": homeserver.url})
    assert (status, list(said)) == (1, ["login"])
    assert "needs a user and a password, or an access token" in said["login"]


async def test_an_identity_that_is_not_ours_is_named(homeserver: Homeserver, tmp_path: Path) -> None:
    bot = homeserver.register("bot", with_device=False)
    variables = set_up(homeserver, bot)
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    for folder in (here, elsewhere):
        folder.mkdir()
    await started_once(elsewhere, variables)
    status, said, _ = await check(here, variables)
    assert status == 1
    assert said["cross-signing"].startswith(f"wrong {bot.user_id} has a cross-signing identity that was made")
    assert "MATRIX_RESET_IDENTITY=true" in said["cross-signing"]
    await started_once(here, variables | {"MATRIX_RESET_IDENTITY": "true"})
    assert (await check(here, variables))[0] == 0
    assert (await check(elsewhere, variables))[1]["cross-signing"].startswith("wrong ")


async def test_a_device_that_is_gone_or_unsigned_or_has_other_keys_is_named(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    bot = homeserver.register("bot", with_device=False)
    variables = set_up(homeserver, bot)
    await started_once(tmp_path, variables)
    [device] = homeserver.devices(bot.user_id)

    def break_signature(answer: synapse.Json) -> None:
        signatures = answer["device_keys"][bot.user_id][device]["signatures"][bot.user_id]
        [key] = [name for name in signatures if name != f"ed25519:{device}"]
        signatures[key] = "A" * 86

    def change_key(answer: synapse.Json) -> None:
        answer["device_keys"][bot.user_id][device]["keys"][f"curve25519:{device}"] = "A" * 43

    def break_self_signing(answer: synapse.Json) -> None:
        [signatures] = answer["self_signing_keys"][bot.user_id]["signatures"].values()
        signatures.update(dict.fromkeys(signatures, "A" * 86))

    for change, part, words in (
        (break_signature, "cross-signing", f"Device {device} is not signed by the keys in"),
        (break_self_signing, "cross-signing", "does not have the keys in"),
        (change_key, "device", f"does not know device {device} with the keys in"),
    ):
        async with proxied(homeserver.url) as proxy:
            proxy.change, proxy.changed = change, "/keys/query"
            status, said, _ = await check(tmp_path, variables | {"MATRIX_HOMESERVER": proxy.url})
        assert status == 1
        assert said[part].startswith("wrong "), (part, said)
        assert words in said[part]
    homeserver.log_out(bot.user_id)
    status, said, _ = await check(tmp_path, variables)
    assert status == 1
    assert said["device"].startswith(f"wrong The homeserver does not know device {device}")


async def test_an_old_copy_and_a_damaged_file_are_named(homeserver: Homeserver, tmp_path: Path) -> None:
    bot = homeserver.register("bot", with_device=False)
    variables = set_up(homeserver, bot)
    await started_once(tmp_path, variables)
    file = tmp_path / "matrix" / "device.db"
    shutil.copy(file, tmp_path / "copy.db")
    await started_once(tmp_path, variables)
    shutil.copy(tmp_path / "copy.db", file)
    status, said, _ = await check(tmp_path, variables)
    assert (status, "old copy" in said["device"]) == (1, True)
    file.write_bytes(b"This is no device." * 1_000)
    status, said, _ = await check(tmp_path, variables)
    assert (status, "damaged" in said["device"]) == (1, True)


async def test_beside_a_running_bot_it_asks_to_stop_it(homeserver: Homeserver, tmp_path: Path) -> None:
    bot = homeserver.register("bot", with_device=False)
    variables = set_up(homeserver, bot)
    async with opened(tmp_path, variables):
        status, said, _ = await check(tmp_path, variables)
    assert status == 1
    assert "Another process uses" in said["login"]


@pytest.mark.parametrize("step", ["createRoom", "m.room.message"])
async def test_what_cannot_be_measured_has_the_call_and_leaves_no_room(
    homeserver: Homeserver, tmp_path: Path, step: str
) -> None:
    bot = homeserver.register("bot", with_device=False)
    async with proxied(homeserver.url) as proxy:
        proxy.refuse = lambda _, path: refused(403, errcode="M_FORBIDDEN") if step in path else None
        status, said, everything = await check(tmp_path, set_up(homeserver, bot, MATRIX_HOMESERVER=proxy.url))
    assert status == 1
    assert said["rate limit"].startswith("wrong It could not be measured (403 M_FORBIDDEN).")
    assert "\ncurl " in everything
    assert rooms_of(homeserver, bot) == []


async def test_an_access_token_is_not_logged_out(homeserver: Homeserver, tmp_path: Path) -> None:
    bot = homeserver.register("bot")
    variables = {
        "MATRIX_HOMESERVER": homeserver.url,
        "MATRIX_ACCESS_TOKEN": bot.access_token,
        "MATRIX_PER_SECOND": "20",
    }
    for _ in range(2):
        assert (await check(tmp_path, variables))[0] == 0
    await started_once(tmp_path, variables)
    status, said, _ = await check(tmp_path, variables)
    assert (status, said["device"].startswith(f"ok {bot.device_id} ")) == (0, True)
    assert homeserver.devices(bot.user_id) == [bot.device_id]
