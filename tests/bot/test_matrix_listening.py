"""Rooms with others as the homeserver tells of them: in another order than asked, or not at all."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from bot.app import utc_now
from bot.channels.matrix.batch import Event, Invitation
from bot.channels.matrix.client import Client
from bot.channels.matrix.comings import Comings, Permits
from bot.channels.matrix.courtesy import Courtesy
from bot.channels.matrix.errors import Busy, LoggedOut
from bot.channels.matrix.listening import Listener
from bot.channels.matrix.rooms import INVITATIONS
from bot.channels.matrix.session import Account, Generation, Login
from handlers.dialogue.message import Incoming, Kind
from tests.bot.matrix_bot import Twin

ROOM, BOT, EWA, JAN = "!room", "@bot:hs", "@ewa:hs", "@jan:hs"


@dataclass
class Scene:
    """A listener with a homeserver of which each test says who is in the room; `told` is what it handed on.

    A `refusal`, HTTP's status and Matrix's code, is the answer to everything; to what ends with `busy_path`
    it is that the homeserver is busy.
    While `held` is set, an answer about who was in the room stays on its way; `asked` tells that one does.
    """

    refusal: tuple[int, str] | None = None
    busy_path: str = ""
    people: list[str] = field(default_factory=lambda: [BOT, EWA, JAN])
    told: list[Incoming] = field(default_factory=list)
    held: asyncio.Event | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer as a homeserver does."""
        if self.busy_path and request.path.endswith(self.busy_path):
            return web.json_response({"errcode": "M_LIMIT_EXCEEDED"}, status=429)
        if self.refusal is not None:
            return web.json_response({"errcode": self.refusal[1]}, status=self.refusal[0])
        if request.path.endswith("/members"):
            chunk = [{"state_key": user, "content": {"membership": "join"}} for user in self.people]
            held, self.held = self.held, None
            if held is not None:
                self.asked.set()
                await held.wait()
            return web.json_response({"chunk": chunk})
        if request.path.endswith("/m.room.name"):
            return web.json_response({"name": "Tablica"})
        return web.json_response({"errcode": "M_FORBIDDEN"}, status=403)

    async def receive(self, incoming: Incoming) -> None:
        """Take what the listener hands on."""
        self.told.append(incoming)

    @asynccontextmanager
    async def listening(self, folder: Path) -> AsyncIterator[Listener]:
        """Give the listener, which knows the room."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        client = Client(Account(url, BOT, "secret", store_key="secret"), folder, Generation(0, Twin().keep))
        client.vault.login = Login(BOT, "DEVICE", "token")
        try:
            comings = Comings(client, Permits(may_invite, shared), self.receive, utc_now)
            yield Listener(comings, Courtesy(client, reacts=True), self.receive, utc_now)
        finally:
            await client.close()
            await runner.cleanup()


async def may_invite(user_id: str) -> bool:
    """Let Ewa invite."""
    return user_id == EWA


async def shared() -> Sequence[str]:
    """Return the rooms with others."""
    return [ROOM]


@pytest.fixture
def scene() -> Scene:
    """Return a scene."""
    return Scene()


async def test_who_was_seen_first_is_told_first(scene: Scene, tmp_path: Path) -> None:
    async with scene.listening(tmp_path) as listener:
        await listener.comings.load()
        on_its_way = scene.held = asyncio.Event()
        first = asyncio.create_task(listener.comings.look_round())
        await scene.asked.wait()
        scene.people.remove(JAN)
        content = {"membership": "leave"}
        leaves = Event(ROOM, "$1", JAN, "m.room.member", content, utc_now(), state_key=JAN)
        second = asyncio.create_task(listener.take([leaves]))
        await asyncio.wait({second}, timeout=0.5)  # it must not overtake, however long it has
        on_its_way.set()
        await asyncio.gather(first, second)
    assert [one.room.people for one in scene.told if one.room] == [{BOT, EWA, JAN}, {BOT, EWA}]


async def test_a_room_that_lets_nobody_in_is_no_room(scene: Scene, tmp_path: Path) -> None:
    async with scene.listening(tmp_path) as listener:
        invited = {"type": "m.room.member", "state_key": BOT, "sender": EWA, "content": {}}
        await listener.take([Invitation(ROOM, (invited,))])
        assert listener.rooms.shared == set()
    assert [one.kind for one in scene.told] == [Kind.ROOM, Kind.CLOSED]


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        ((403, "M_FORBIDDEN"), [Kind.CLOSED]),
        ((429, "M_LIMIT_EXCEEDED"), []),
        ((401, "M_UNKNOWN_TOKEN"), []),
        ((502, "M_UNKNOWN"), []),
    ],
)
async def test_only_a_room_that_is_closed_to_the_bot_is_lost(
    scene: Scene, tmp_path: Path, refusal: tuple[int, str], told: list[Kind]
) -> None:
    scene.refusal = refusal
    async with scene.listening(tmp_path) as listener:
        await listener.comings.load()
        await listener.comings.look_round()
        assert (listener.rooms.shared == set()) is bool(told)
    assert [one.kind for one in scene.told] == told


@pytest.mark.parametrize(
    ("refusal", "error"), [((401, "M_UNKNOWN_TOKEN"), LoggedOut), ((429, "M_LIMIT_EXCEEDED"), Busy)]
)
async def test_an_invitation_outlives_what_passes(
    scene: Scene, tmp_path: Path, refusal: tuple[int, str], error: type[Exception]
) -> None:
    scene.refusal = refusal
    invited = {"type": "m.room.member", "state_key": BOT, "sender": EWA, "content": {"is_direct": True}}
    async with scene.listening(tmp_path) as listener:
        for _ in range(INVITATIONS + 1):  # as often as it comes it is one invitation
            with pytest.raises(error):
                await listener.take([Invitation(ROOM, (invited,))])


async def test_what_happens_in_a_room_does_not_wait_for_another(scene: Scene, tmp_path: Path) -> None:
    scene.people.remove(JAN)
    said = {"msgtype": "m.text", "body": "Dzień dobry"}
    message = Event(
        ROOM, "$1", EWA, "m.room.message", said, utc_now(), source={"event_id": "$1", "sender": EWA}
    )
    invited = {"type": "m.room.member", "state_key": BOT, "sender": JAN, "content": {"is_direct": True}}
    async with scene.listening(tmp_path) as listener:
        scene.busy_path = "join"
        with pytest.raises(Busy):
            await listener.take([Invitation("!other", (invited,)), message])
    assert [one.text for one in scene.told] == ["Dzień dobry"]
