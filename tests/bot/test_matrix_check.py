"""The command `check` on Matrix, as a process of its own beside a real homeserver."""

import asyncio
import json
import re
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bot.channels.matrix import checking
from bot.channels.matrix.checking import Case
from bot.channels.matrix.errors import Json
from bot.channels.matrix.session import Account as Known
from tests.bot.matrix_bot import Twin, account
from tests.bot.matrix_bot import opened as device
from tests.bot.matrix_proxy import proxied, refused
from tests.bot.processes import PATIENCE, call, end, make_store, names_in, running
from tests.homeserver import synapse
from tests.homeserver.settings import Limits
from tests.homeserver.synapse import Account, Homeserver, synapse_server

Variables = dict[str, str]
Said = dict[str, str]

NAMES = ["login", "device", "cross-signing", "rate limit"]


@pytest.fixture(scope="module")
def stock() -> Iterator[Homeserver]:
    """Give a server with the limits that Synapse comes with."""
    if (lacks := synapse.missing()) is not None:
        pytest.skip(lacks)
    with synapse_server(Limits.STOCK) as server:
        yield server


def set_up(url: str, bot: Account, **more: str) -> Variables:
    """Return the variables of a bot's account."""
    known = {"MATRIX_HOMESERVER": url, "MATRIX_USER": bot.user_id, "MATRIX_PASSWORD": bot.password}
    return known | {"MATRIX_STORE_KEY": "a secret of the tests"} | more


def number_of(folder: Path) -> int:
    """Return the number of the bot's device, which grows as the last step of opening it."""
    with closing(sqlite3.connect(folder / "aglomeracja.db")) as store:
        return int(store.execute("SELECT coalesce(max(generation), 0) FROM device").fetchone()[0])


async def started_once(folder: Path, variables: Variables) -> None:
    """Let the bot run until its device is open, and end it."""
    make_store(folder)
    async with running(folder, **variables) as (process, _), asyncio.timeout(PATIENCE):
        while number_of(folder) == 0:  # noqa: ASYNC110 - another process changes it
            await asyncio.sleep(0.05)
        await end(process, signal.SIGTERM)


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


async def look(known: Known, folder: Path, twin: Twin | None = None, per_second: float = 20.0) -> Said:
    """Check in this process: return what is said of each part, "ok …" or "wrong …"."""
    found = await checking.check(Case(known, folder, (twin or Twin()).number, per_second))
    return {one.name.removeprefix("matrix "): f"{'ok' if one.fine else 'wrong'} {one.text}" for one in found}


def rooms_of(server: Homeserver, account: Account) -> list[str]:
    """Return the rooms that somebody is in."""
    rooms: list[str] = server.administer("GET", f"v1/users/{account.user_id}/joined_rooms")["joined_rooms"]
    return rooms


async def test_all_four_are_fine_and_nothing_is_left_behind(homeserver: Homeserver, tmp_path: Path) -> None:
    bot = homeserver.register("bot", with_device=False)
    variables = set_up(homeserver.url, bot, MATRIX_PER_SECOND="20")
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
    status, said, everything = await check(tmp_path, set_up(homeserver.url, bot))
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
    status, said, everything = await check(tmp_path, set_up(stock.url, bot))
    assert status == 0
    assert re.match(
        r"ok [89] messages at once, then a wait of [0-9.]+ s, so 0\.(2|19|21) a second,"
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
    status, said, everything = await check(tmp_path, set_up(stock.url, bot, MATRIX_PER_SECOND="20"))
    assert (status, "curl" in everything) == (0, False)
    assert said["rate limit"].startswith("ok none was met, 12 messages")


async def test_a_pace_faster_than_the_limit_is_wrong_and_a_slower_one_is_told(
    homeserver: Homeserver, known: Known, folder: Path
) -> None:
    homeserver.set_limits(known.user, 1, 5)
    said = (await look(known, folder))["rate limit"]
    assert said.startswith("wrong MATRIX_PER_SECOND=20 is faster than the homeserver allows (")
    assert "\ncurl " in said
    advice = re.search(r"set MATRIX_PER_SECOND=([0-9.]+)\. ", said)
    assert advice is not None
    assert 0.7 < float(advice[1]) < 1.4
    said = (await look(known, folder, per_second=0.2))["rate limit"]  # at once, with the burst used up
    assert said.startswith("ok ")
    assert "the bot may send faster: set MATRIX_PER_SECOND=" in said
    assert homeserver.administer("GET", f"v1/users/{known.user}/joined_rooms")["joined_rooms"] == []


async def test_a_wrong_password_is_one_sentence(homeserver: Homeserver, tmp_path: Path) -> None:
    bot = homeserver.register("bot", with_device=False)
    variables = set_up(homeserver.url, bot)
    await started_once(tmp_path, variables)
    status, said, _ = await check(tmp_path, variables | {"MATRIX_PASSWORD": "something else"})
    assert status == 1
    assert said == {
        "login": "wrong The homeserver does not accept the bot's password (403 M_FORBIDDEN)."
        " See MATRIX_HOMESERVER, MATRIX_USER and MATRIX_PASSWORD."
    }


async def test_a_homeserver_that_cannot_be_reached_is_one_sentence(tmp_path: Path) -> None:
    bot = Account("@bot:homeserver.test", "a password")
    status, said, _ = await check(tmp_path, set_up("http://127.0.0.1:9", bot))
    assert (status, list(said)) == (1, ["login"])
    assert said["login"].startswith("wrong no answer from the homeserver (")


async def test_what_is_missing_is_one_sentence(tmp_path: Path) -> None:
    status, said, _ = await check(tmp_path, {"MATRIX_HOMESERVER": "http://127.0.0.1:9"})
    assert (status, list(said)) == (1, ["login"])
    assert "needs a user and a password, or an access token" in said["login"]


async def test_a_store_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "aglomeracja.db").write_text("This is no database." * 1_000)
    bot = Account("@bot:homeserver.test", "a password")
    status, said, _ = await check(tmp_path, set_up("http://127.0.0.1:9", bot))
    assert status == 1
    assert said[""] == "wrong unknown while the database does not answer or has other tables"


async def test_an_identity_that_is_not_ours_is_named(known: Known, tmp_path: Path) -> None:
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    async with device(known, elsewhere):
        pass
    said = (await look(known, here))["cross-signing"]
    assert said.startswith(f"wrong {known.user} has a cross-signing identity that was made elsewhere")
    assert "MATRIX_RESET_IDENTITY=true" in said
    async with device(replace(known, reset_identity=True), here):
        pass
    assert (await look(known, here))["cross-signing"].startswith("ok ")
    assert (await look(known, elsewhere))["cross-signing"] == said.replace(str(here), str(elsewhere))


@pytest.mark.parametrize("what", ["signature", "self-signing", "key", "none"])
async def test_keys_that_are_not_what_they_should_be_are_named(known: Known, folder: Path, what: str) -> None:
    async with device(known, folder) as client:
        user, own = client.user_id, client.device_id

    def change(answer: Json) -> None:
        published = answer["device_keys"][user][own]
        match what:
            case "signature":
                signatures = published["signatures"][user]
                signatures.update({name: "A" * 86 for name in signatures if own not in name})
            case "self-signing":
                [signatures] = answer["self_signing_keys"][user]["signatures"].values()
                signatures.update(dict.fromkeys(signatures, "A" * 86))
            case "key":
                published["keys"][f"curve25519:{own}"] = "A" * 43
            case "none":
                answer["device_keys"] = {}

    part, words = {
        "signature": ("cross-signing", f"Device {own} is not signed by the keys in {folder}"),
        "self-signing": ("cross-signing", f"{user} does not have the keys in {folder}"),
        "key": ("device", f"The homeserver does not know device {own} with the keys in {folder}"),
        "none": ("device", f"The homeserver does not know device {own} with the keys in {folder}"),
    }[what]
    async with proxied(known.homeserver) as proxy:
        proxy.change, proxy.changed = change, "/keys/query"
        said = await look(replace(known, homeserver=proxy.url), folder)
    assert said[part].startswith(f"wrong {words}")
    async with device(known, folder):
        pass
    assert (await look(known, folder))[part].startswith("ok ")


async def test_a_self_signing_key_without_a_signature_is_published_anew(known: Known, folder: Path) -> None:
    async with device(known, folder):
        pass

    def change(answer: Json) -> None:
        answer["self_signing_keys"] = {}

    async with proxied(known.homeserver) as proxy:
        proxy.change, proxy.changed = change, "/keys/query"
        async with device(replace(known, homeserver=proxy.url), folder):
            assert proxy.asked["upload"] > 0
    assert (await look(known, folder))["cross-signing"].startswith("ok ")


async def test_a_device_that_was_logged_out_is_named(
    homeserver: Homeserver, known: Known, folder: Path
) -> None:
    async with device(known, folder) as client:
        own = client.device_id
    homeserver.expire_tokens(known.user)
    said = await look(known, folder)
    assert said["device"] == f"wrong The homeserver has logged device {own} out: start the bot, it logs in."
    assert said["cross-signing"].startswith("ok ")


async def test_an_old_copy_a_damaged_file_and_another_secret_are_named(known: Known, folder: Path) -> None:
    twin, file = Twin(), folder / "device.db"
    async with device(known, folder, twin):
        pass
    said = await look(replace(known, store_key="another"), folder, twin)
    assert "is under another secret than the one set now" in said["device"]
    shutil.copy(file, folder / "copy.db")
    async with device(known, folder, twin):
        pass
    shutil.copy(folder / "copy.db", file)
    assert (await look(known, folder, twin))["device"].startswith("wrong Its file is an old copy")
    file.write_bytes(b"This is no device." * 1_000)
    assert (await look(known, folder, twin))["device"].startswith("wrong Its file is damaged")


async def test_beside_a_running_bot_it_asks_to_stop_it(known: Known, folder: Path) -> None:
    async with device(known, folder):
        [said] = (await look(known, folder)).values()
    assert said == f"wrong Another process uses {folder}: stop it first."


@pytest.mark.parametrize("step", ["createRoom", "m.room.message"])
async def test_what_cannot_be_measured_has_the_call_and_leaves_no_room(
    homeserver: Homeserver, known: Known, folder: Path, step: str
) -> None:
    async with proxied(homeserver.url) as proxy:
        proxy.refuse = lambda _, path: refused(403, errcode="M_FORBIDDEN") if step in path else None
        said = (await look(replace(known, homeserver=proxy.url), folder))["rate limit"]
    assert said.startswith("wrong It could not be measured (403 M_FORBIDDEN).")
    assert "\ncurl " in said
    assert homeserver.administer("GET", f"v1/users/{known.user}/joined_rooms")["joined_rooms"] == []


async def test_an_access_token_is_not_logged_out(homeserver: Homeserver, folder: Path) -> None:
    bot = homeserver.register("bot")
    known = account(homeserver, bot, user="", password="", access_token=bot.access_token)
    for _ in range(2):
        assert (await look(known, folder))["login"].startswith(f"ok {bot.user_id}")
    async with device(known, folder):
        pass
    assert (await look(known, folder))["device"].startswith(f"ok {bot.device_id} ")
    assert homeserver.devices(bot.user_id) == [bot.device_id]
