"""The fake's own HTTP interface, beside the Bot API's: what a benchmark asks of it.

POST /load      a plan, see load.py: starts a run
GET  /load      ?wait=60: its report, once every update has its reply or 60 seconds have passed
POST /people    {"count": 3000, "first": 1000000, "rate": null}: makes people, each writes /start once, or
                does not with "silent": true
GET  /people    ?wait=60: the same report as of a load; every person has an answer when it is full
POST /judge     {"marker": "…"}: counts anew; the broadcast is what contains the marker, and is meant
                for all the people made so far who have not blocked the bot
GET  /judge     ?wait=60: the report, once nobody misses the broadcast or 60 seconds have passed
GET  /sent      what every chat shows: {chat id: [[text, how often it was edited], …]}
POST /limits    the fields of Limits: applies them; those left out are off
POST /fail      {"method": "sendMessage", "times": 3, …}: the next calls end so, see the other fields of
                Failure; 0 times forgets what is still to come
POST /blocked   {"ids": […], "told": false}: these people have blocked the bot; it is told, or finds out
POST /post_to   {"addresses": […], "mode": "any"}: where updates are posted, see posting.py
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from aiohttp import web

from tests.fake_telegram import answers
from tests.fake_telegram.failures import Failure
from tests.fake_telegram.limits import Limits, Refusals
from tests.fake_telegram.load import FIRST_PERSON, Load
from tests.fake_telegram.people import Person
from tests.fake_telegram.posting import PostMode
from tests.fake_telegram.server import FakeTelegram

Json = dict[str, Any]
Query = Mapping[str, str]


class Control:
    """Answers what is asked of `fake` beside the Bot API."""

    def __init__(self, fake: FakeTelegram) -> None:
        self._fake = fake
        self._load = Load(fake)
        self._people: set[int] = set()
        fake.control = self.answer

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Carry out a request by the table of routes."""
        action = _ROUTES.get((request.method, request.path))
        if action is None:
            return answers.control({"error": "there is no such path"}, 404)
        body = json.loads(await request.read() or b"{}")
        return answers.control(await action(self, body, request.query))

    async def _start_load(self, body: Json, _: Query) -> Json:
        self._load.start(body)
        return self._load.report()

    async def _get_load(self, _: Json, query: Query) -> Json:
        await self._load.wait(_seconds(query))
        return self._load.report()

    async def _make_people(self, body: Json, query: Query) -> Json:
        count, first = int(body["count"]), int(body.get("first", FIRST_PERSON))
        for user_id in range(first, first + count):
            self._people.add(self._load.person(user_id).id)
        if body.get("silent"):
            return {"count": count}
        plan = {"count": count, "people": count, "first": first, "updates": [{"text": "/start"}]}
        return await self._start_load(plan | {"rate": body.get("rate")}, query)

    async def _start_judging(self, body: Json, _: Query) -> Json:
        blocked = {chat.id for chat in self._fake.chats.values() if chat.blocked}
        self._fake.judge.reset(body.get("marker", ""), self._people - blocked)
        self._fake.throttle.refusals = Refusals()
        return self._report()

    async def _get_judge(self, _: Json, query: Query) -> Json:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._fake.judge.complete.wait(), _seconds(query))
        return self._report()

    async def _get_sent(self, _: Json, __: Query) -> Json:
        chats = self._fake.chats.values()
        return {str(chat.id): [[sent.text, sent.edits] for sent in chat.sent] for chat in chats}

    async def _apply_limits(self, body: Json, _: Query) -> Json:
        self._fake.throttle.apply(Limits(**body))
        return body

    async def _add_failures(self, body: Json, _: Query) -> Json:
        fields = {name: value for name, value in body.items() if name not in {"method", "times"}}
        self._fake.failures.add_times(body["method"], int(body.get("times", 1)), Failure(**fields))
        return body

    async def _block(self, body: Json, _: Query) -> Json:
        for chat_id in body["ids"]:
            chat = self._fake.chats[chat_id]
            if body.get("told") and isinstance(chat, Person):
                chat.blocks()
            chat.blocked = True
            self._fake.judge.excuse(chat_id)
        return {"blocked": len(body["ids"])}

    async def _post_to(self, body: Json, _: Query) -> Json:
        poster = self._fake.queue.poster
        poster.addresses, poster.mode = body["addresses"], PostMode(body.get("mode", PostMode.ANY))
        return body

    def _report(self) -> Json:
        return self._fake.judge.report() | self._fake.throttle.refusals.report()


_ROUTES: dict[tuple[str, str], Callable[[Control, Json, Query], Awaitable[Json]]] = {
    ("POST", "/load"): Control._start_load,
    ("GET", "/load"): Control._get_load,
    ("POST", "/people"): Control._make_people,
    ("GET", "/people"): Control._get_load,
    ("POST", "/judge"): Control._start_judging,
    ("GET", "/judge"): Control._get_judge,
    ("GET", "/sent"): Control._get_sent,
    ("POST", "/limits"): Control._apply_limits,
    ("POST", "/fail"): Control._add_failures,
    ("POST", "/blocked"): Control._block,
    ("POST", "/post_to"): Control._post_to,
}


def _seconds(query: Query) -> float:
    return float(query.get("wait", 0))
