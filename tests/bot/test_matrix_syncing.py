"""Reading from a homeserver that is restarted, refuses and breaks off, for a handler that may fail."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.channels.matrix.batch import Event, Invitation, Item
from bot.channels.matrix.client import Client
from bot.channels.matrix.session import Account
from bot.channels.matrix.syncing import IN_VAIN, Syncing, Tempo
from tests.bot.matrix_bot import QUICK, Twin, running
from tests.bot.matrix_proxy import Json, proxied, refused
from tests.homeserver.member import member
from tests.homeserver.stranger import Stranger
from tests.homeserver.synapse import Homeserver


async def test_seventy_messages_of_a_downtime_come_once_each_and_in_order(
    homeserver: Homeserver, known: Account, folder: Path
) -> None:
    twin = Twin()
    async with member(homeserver, "anna") as anna:
        async with running(known, folder, twin) as bot:
            await anna.opens(bot.user_id, "Początek")
            await bot.hears("Początek")
        said = [f"Wiadomość {number}" for number in range(70)]
        for text in said:
            await anna.sends(text)
        async with running(known, folder, twin) as bot:
            await bot.hears(*said)
            assert bot.texts() == said


async def test_what_the_handler_did_not_take_comes_again(
    homeserver: Homeserver, known: Account, folder: Path
) -> None:
    tries = list[int]()

    def failing(items: Sequence[Item]) -> bool:
        tries.append(len(items))
        return len(tries) < 3

    async with running(known, folder) as bot, member(homeserver, "anna") as anna:
        await anna.opens(bot.user_id)
        await bot.until(lambda: any(isinstance(item, Event) for item in bot.items))
        bot.failing = failing
        await anna.sends("Raz")
        await bot.hears("Raz")
        assert len(tries) >= 3
        await anna.sends("Dwa")
        await bot.hears("Dwa")
        assert bot.texts() == ["Raz", "Dwa"]


async def test_what_the_handler_did_not_take_comes_again_after_a_restart(
    homeserver: Homeserver, known: Account, folder: Path
) -> None:
    twin, failed = Twin(), asyncio.Event()

    def failing(_: Sequence[Item]) -> bool:
        failed.set()
        return True

    async with member(homeserver, "anna") as anna:
        async with running(known, folder, twin) as bot:
            await anna.opens(bot.user_id)
            await bot.until(lambda: any(isinstance(item, Event) for item in bot.items))
            bot.failing = failing
            await anna.sends("Z nowym kluczem")
            async with asyncio.timeout(30):
                await failed.wait()
        async with running(known, folder, twin) as bot:
            await bot.hears("Z nowym kluczem")
            await anna.sends("Jeszcze raz")
            await bot.hears("Jeszcze raz")
            assert bot.unreadable() == []


async def test_a_restart_of_the_homeserver_is_outlived(
    homeserver: Homeserver, known: Account, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(known, folder) as bot, member(homeserver, "anna") as anna:
        await anna.opens(bot.user_id)
        homeserver.stop()
        await bot.until(lambda: "reading from the homeserver failed" in caplog.text)
        homeserver.start()
        await anna.sends("Po przerwie")
        await bot.hears("Po przerwie")
        await bot.says(anna.room, "Słyszę")
        await anna.hears("Słyszę")


@pytest.mark.parametrize(
    "answer",
    [
        lambda: refused(429, errcode="M_LIMIT_EXCEEDED", retry_after_ms=50),
        lambda: refused(429, errcode="M_LIMIT_EXCEEDED", retry_after_ms="soon"),
        lambda: refused(500, errcode="M_UNKNOWN"),
        lambda: refused(403, errcode=["M_FORBIDDEN"]),
        lambda: web.Response(status=502, text="<html>Bad gateway</html>"),
        lambda: web.Response(text="[]"),
        lambda: web.Response(text="{}"),
        lambda: web.Response(text="[" * 100_000),
        lambda: web.Response(text='{"next_batch": 7, "rooms": 1}'),
    ],
    ids=["busy", "busy without a time", "error", "refused", "gateway", "list", "empty", "deep", "numbers"],
)
async def test_whatever_a_sync_is_answered_the_next_is_read(
    homeserver: Homeserver, known: Account, folder: Path, answer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.channels.matrix.api.BUSY_SECONDS", 0.1)
    left = [answer] * 2

    def refuse(_method: str, path: str) -> web.Response | None:
        return left.pop()() if path.endswith("/sync") and left else None  # type: ignore[operator]

    stranger = Stranger(homeserver)
    async with (
        proxied(homeserver.url) as proxy,
        running(replace(known, homeserver=proxy.url), folder) as bot,
    ):
        room = stranger.opens(bot.user_id)
        await bot.until(lambda: bot.items != [])
        proxy.refuse = refuse
        stranger.says(room, "Pierwsza")
        stranger.says(room, "Druga")
        await bot.hears("Pierwsza", "Druga")
        assert left == []
        assert bot.texts() == ["Pierwsza", "Druga"]


async def test_a_homeserver_that_is_down_is_asked_less_and_less(known: Account, folder: Path) -> None:
    client = Client(replace(known, homeserver="http://127.0.0.1:9"), folder, Twin().generation())
    syncing = Syncing(client, Tempo(first_pause=1.0, longest_pause=60.0))
    pauses = list[float]()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 10:
            syncing.stop()

    syncing._pause = pause  # type: ignore[method-assign]
    await syncing.run(lambda _: asyncio.sleep(0))
    await client.close()
    for number, seconds in enumerate(pauses):
        longest = min(60.0, 2.0**number)
        assert 0.75 * longest <= seconds <= longest


async def test_a_homeserver_that_answers_nothing_at_once_is_not_asked_in_a_hot_loop(
    homeserver: Homeserver, known: Account, folder: Path
) -> None:
    pauses, tokens = list[float](), list[str]()

    def change(answer: Json) -> None:
        tokens.append(answer["next_batch"])
        answer.clear()
        answer["next_batch"] = tokens[0]

    async with proxied(homeserver.url) as proxy:
        proxy.change = change
        client = Client(replace(known, homeserver=proxy.url), folder, Twin().generation())
        syncing = Syncing(client, Tempo(sync=0.0, first_pause=1.0))

        async def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 5:
                syncing.stop()

        syncing._pause = pause  # type: ignore[method-assign]
        async with asyncio.timeout(30):
            await syncing.run(lambda _: asyncio.sleep(0))
        await client.close()
    assert pauses[-3:] == [1.0, 1.0, 1.0]


async def test_what_the_bot_says_itself_does_not_cost_a_sync_each(
    homeserver: Homeserver, known: Account, folder: Path
) -> None:
    async with running(known, folder) as bot, member(homeserver, "anna") as anna:
        await anna.opens(bot.user_id, "Początek")
        await bot.hears("Początek")
        asked, call = list[str](), bot.client.server.call

        async def watched(method: str, *path: str, **more: Any) -> Json:
            asked.append(path[-1])
            return await call(method, *path, **more)

        bot.client.server.call = watched  # type: ignore[method-assign]
        bot.syncing._tempo = replace(QUICK, rarely=3_600.0)
        for number in range(20):
            await bot.says(anna.room, f"Ogłoszenie {number}")
        await anna.hears("Ogłoszenie 19")
        assert asked.count("sync") <= IN_VAIN + 1


async def test_old_talk_is_not_read_by_a_bot_that_is_new_but_invitations_are(
    homeserver: Homeserver, known: Account, tmp_path: Path
) -> None:
    stranger = Stranger(homeserver)
    async with running(known, tmp_path / "one") as bot:
        room = stranger.opens(bot.user_id)
        await bot.until(lambda: room in bot.texts() or any(isinstance(item, Event) for item in bot.items))
        stranger.says(room, "Dawno")
        await bot.hears("Dawno")
        identity = (tmp_path / "one" / "identity.json").read_bytes()
    other = stranger.opens(bot.user_id)
    stranger.says(other, "Przed wejściem")
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "identity.json").write_bytes(identity)
    async with running(known, tmp_path / "two") as bot:
        await bot.hears("Przed wejściem")
        assert [item.room_id for item in bot.items if isinstance(item, Invitation)] == [other]
        assert bot.texts() == ["Przed wejściem"]


async def test_a_sync_token_that_the_homeserver_does_not_know_makes_nobody_deaf(
    homeserver: Homeserver, known: Account, folder: Path
) -> None:
    twin = Twin()
    async with member(homeserver, "anna") as anna:
        async with running(known, folder, twin) as bot:
            await anna.opens(bot.user_id, "Raz")
            await bot.hears("Raz")
            await bot.client.vault.run(lambda machine: machine.file.set_sync_token("nonsense"))
        async with running(known, folder, twin) as bot:
            await anna.sends("Dwa")
            await bot.hears("Dwa")


async def test_stopping_waits_for_what_is_in_hand_and_for_nothing_else(
    homeserver: Homeserver, known: Account, folder: Path
) -> None:
    stranger, begun, go_on = Stranger(homeserver), asyncio.Event(), asyncio.Event()
    handled = list[Item]()

    async def handle(items: Sequence[Item]) -> None:
        begun.set()
        await go_on.wait()
        handled.extend(items)

    client = Client(known, folder, Twin().generation())
    syncing = Syncing(client, Tempo(sync=600.0))
    run = asyncio.create_task(syncing.run(handle))
    async with asyncio.timeout(30):
        await syncing.ready.wait()
        stranger.opens(client.user_id)
        await begun.wait()
        syncing.stop()
        go_on.set()
        await run
        assert len(handled) == 1
        again = Syncing(client, Tempo(sync=600.0))
        run = asyncio.create_task(again.run(handle))
        await again.ready.wait()
        again.stop()
        await run
    await client.close()
    assert len(handled) == 1


async def test_the_bot_is_told_that_it_was_removed(
    homeserver: Homeserver, known: Account, folder: Path
) -> None:
    stranger = Stranger(homeserver)
    async with running(known, folder) as bot:
        room = stranger.opens(bot.user_id, preset="private_chat")
        await bot.until(lambda: any(isinstance(item, Event) for item in bot.items))
        stranger.calls("POST", f"rooms/{room}/ban", {"user_id": bot.user_id})
        await bot.until(lambda: bot.left() == [room])
