"""Messages that come before their keys, and such as name no key."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.channels.matrix.batch import Event, Unreadable, redacted_by
from bot.channels.matrix.session import Account
from tests.bot.matrix_bot import QUICK, Bot, Twin, running
from tests.bot.matrix_proxy import Json, Withheld, proxied
from tests.homeserver.member import Member, Mode, member
from tests.homeserver.stranger import Stranger
from tests.homeserver.synapse import Homeserver

HASTY = replace(QUICK, unreadable_after=0.2)
"""For a bot that reports an event without a key almost at once."""


async def meet(anna: Member, bot: Bot) -> None:
    """Let somebody open a chat with the bot, in which nothing was said yet."""
    await anna.opens(bot.user_id)
    await bot.until(lambda: any(isinstance(item, Event) for item in bot.items))


async def test_a_message_is_handed_over_when_its_key_comes(
    homeserver: Homeserver, known: Account, folder: Path
) -> None:
    withheld = Withheld()
    async with (
        proxied(homeserver.url) as proxy,
        running(replace(known, homeserver=proxy.url), folder) as bot,
        member(homeserver, "anna") as anna,
    ):
        await meet(anna, bot)
        proxy.change = withheld
        await anna.sends("Pierwsza")
        await anna.sends("Druga")
        async with asyncio.timeout(30):
            await withheld.held.wait()
        stranger = Stranger(homeserver)  # somebody else is heard meanwhile
        stranger.says(stranger.opens(bot.user_id), "Inna")
        await bot.hears("Inna")
        withheld.let_go()
        await anna.sends("Trzecia")
        await bot.hears("Pierwsza", "Druga", "Trzecia")
        assert bot.texts() == ["Inna", "Pierwsza", "Druga", "Trzecia"]
        assert bot.unreadable() == []


async def test_a_message_without_a_key_is_reported_once_and_still_handed_over_when_it_comes(
    homeserver: Homeserver, known: Account, folder: Path
) -> None:
    withheld, twin = Withheld(), Twin()
    async with proxied(homeserver.url) as proxy, member(homeserver, "anna") as anna:
        near = replace(known, homeserver=proxy.url)
        async with running(near, folder, twin, HASTY) as bot:
            await meet(anna, bot)
            proxy.change = withheld
            sent = await anna.sends("Bez klucza")
            await bot.until(lambda: bot.unreadable() == [sent])
            [report] = [item for item in bot.items if isinstance(item, Unreadable)]
            assert (report.room_id, report.sender) == (anna.room, anna.user_id)
        withheld.let_go()
        async with running(near, folder, twin, HASTY) as bot:
            await bot.hears("Bez klucza")
            assert bot.unreadable() == []


async def test_a_message_waits_through_a_restart(
    homeserver: Homeserver, known: Account, folder: Path
) -> None:
    withheld, twin = Withheld(), Twin()
    async with proxied(homeserver.url) as proxy, member(homeserver, "anna") as anna:
        near = replace(known, homeserver=proxy.url)
        async with running(near, folder, twin) as bot:
            await meet(anna, bot)
            proxy.change = withheld
            sent = await anna.sends("Bez klucza")
            stranger = Stranger(homeserver)
            stranger.says(stranger.opens(bot.user_id), "Inna")
            await bot.hears("Inna")
        withheld.kept.clear()  # it never comes
        async with running(near, folder, twin, HASTY) as bot:
            await bot.until(lambda: bot.unreadable() == [sent])


async def test_a_report_that_the_handler_did_not_take_comes_again(
    homeserver: Homeserver, known: Account, folder: Path
) -> None:
    withheld, tries = Withheld(), list[int]()
    async with (
        proxied(homeserver.url) as proxy,
        running(replace(known, homeserver=proxy.url), folder, tempo=HASTY) as bot,
        member(homeserver, "anna") as anna,
    ):
        await meet(anna, bot)
        proxy.change = withheld
        bot.failing = lambda items: tries.append(len(items)) or len(tries) < 3  # type: ignore[func-returns-value]
        sent = await anna.sends("Bez klucza")
        await bot.until(lambda: bot.unreadable() == [sent])
        assert len(tries) >= 3


async def test_an_edit_stands_for_what_came_before_its_key(
    homeserver: Homeserver, known: Account, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    withheld = Withheld()
    async with (
        proxied(homeserver.url) as proxy,
        running(replace(known, homeserver=proxy.url), folder) as bot,
        member(homeserver, "anna") as anna,
    ):
        await meet(anna, bot)
        proxy.change = withheld
        first = await anna.sends("Nie do odczytania")
        async with asyncio.timeout(30):
            await withheld.held.wait()
        keys, withheld.kept = withheld.kept, []
        withheld.let_go()
        await anna.discards_key()

        def overdue(answer: Json) -> None:
            withheld(answer)
            if answer.get("rooms", {}).get("join"):
                later = SimpleNamespace(time=lambda: time.time() + 61)
                monkeypatch.setattr("bot.channels.matrix.waiting.time", later)

        proxy.change = overdue
        await anna.edits(first, "Poprawione")
        await bot.hears("Poprawione")
        withheld.kept = keys  # that of the first one, after all
        await anna.edits(first, "Poprawione znowu")
        await bot.hears("* Poprawione znowu")
        said = [item for item in bot.items if isinstance(item, Event) and item.kind == "m.room.message"]
        assert [item.content["body"] for item in said] == ["Poprawione", "* Poprawione znowu"]
        assert said[0].event_id == first
        assert bot.unreadable() == []


async def test_what_was_taken_back_before_its_key_came_is_not_handed_over(
    homeserver: Homeserver, known: Account, folder: Path
) -> None:
    withheld = Withheld()
    async with (
        proxied(homeserver.url) as proxy,
        running(replace(known, homeserver=proxy.url), folder, tempo=HASTY) as bot,
        member(homeserver, "anna") as anna,
    ):
        await meet(anna, bot)
        proxy.change = withheld
        sent = await anna.sends("Jednak nie")
        await bot.until(lambda: bot.unreadable() == [sent])
        await anna.redacts(sent)
        await bot.until(
            lambda: any(item for item in bot.items if isinstance(item, Event) and redacted_by(item))
        )
        withheld.let_go()
        await anna.sends("Dalej")
        await bot.hears("Dalej")
        assert bot.texts() == ["Dalej"]


@pytest.mark.parametrize("mode", [Mode.ENCRYPTED, Mode.SIGNED_ONLY])
async def test_a_message_that_names_neither_key_nor_device_is_read(
    homeserver: Homeserver, known: Account, folder: Path, mode: Mode
) -> None:
    stripped = list[str]()

    def change(answer: Json) -> None:
        for room in answer.get("rooms", {}).get("join", {}).values():
            for event in room["timeline"]["events"]:
                stripped.extend(filter(None, (event["content"].pop("sender_key", ""),)))
                event["content"].pop("device_id", None)

    async with (
        proxied(homeserver.url) as proxy,
        running(replace(known, homeserver=proxy.url), folder) as bot,
        member(homeserver, "anna", mode) as anna,
    ):
        proxy.change = change
        await anna.opens(bot.user_id, "Bez podpisu")
        await bot.hears("Bez podpisu")
        assert stripped


async def test_what_a_message_relates_to_may_stand_outside_of_what_is_encrypted(
    homeserver: Homeserver, known: Account, folder: Path
) -> None:
    relation = {"rel_type": "m.replace", "event_id": "$before"}

    def change(answer: Json) -> None:
        for room in answer.get("rooms", {}).get("join", {}).values():
            for event in room["timeline"]["events"]:
                if event["type"] == "m.room.encrypted":
                    event["content"]["m.relates_to"] = relation

    async with (
        proxied(homeserver.url) as proxy,
        running(replace(known, homeserver=proxy.url), folder) as bot,
        member(homeserver, "anna") as anna,
    ):
        await meet(anna, bot)
        proxy.change = change
        await anna.sends("Inaczej")
        await bot.hears("Inaczej")
        [said] = [item for item in bot.items if isinstance(item, Event) and item.kind == "m.room.message"]
        assert said.content["m.relates_to"] == relation
