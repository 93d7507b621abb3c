"""From the answer of a sync to what happened: keys first, gaps filled, everything once and in order."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from bot.channels.matrix import batch, waiting
from bot.channels.matrix.api import Homeserver, entries, lookup
from bot.channels.matrix.batch import Departure, Event, Invitation, Item
from bot.channels.matrix.errors import Busy, Json, LoggedOut, Refused
from bot.channels.matrix.machine import Garbled, Machine, NoKey, breathe
from bot.channels.matrix.revising import revise
from bot.channels.matrix.vault import Vault
from bot.channels.matrix.writing import Writer
from bot.log import describe

GAP_EVENTS = 2_000
"""How many events of a room are fetched at most, in addition to a sync's, after the bot was away."""

PER_PAGE = 100

AT_ONCE = 20
"""How many events are worked on before others may use the keys."""

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(slots=True)
class Batch:
    """What happened up to a sync token, and the numbers of the waiting events among it."""

    token: str
    items: list[Item] = field(default_factory=list)
    late: list[int] = field(default_factory=list)
    told: list[int] = field(default_factory=list)


class Reader:
    """Reads with the keys in `vault`; an event without one is reported after `unreadable_after` seconds."""

    def __init__(self, server: Homeserver, vault: Vault, writer: Writer, unreadable_after: float) -> None:
        self._server = server
        self._vault = vault
        self._writer = writer
        self._unreadable_after = unreadable_after

    async def read(self, answer: Json, since: str) -> Batch:
        """Return what happened after the sync token `since`; only invitations after "", the beginning."""
        made = Batch(str(answer["next_batch"]))
        await self._keys(answer)
        made.items += await self._late(made)
        made.items += self._invitations(answer)
        made.items += self._departures(answer)
        for room_id, room in (lookup(answer, "rooms", "join") or {}).items():
            events = await self._room(room_id, room, since)
            made.items += events if since else []
        await self._vault.run(lambda machine: self._revise(machine, made))
        return made

    async def settle(self, made: Batch) -> None:
        """Keep that a batch was handled."""

        def work(machine: Machine) -> None:
            waiting.settle(machine.file, made.late, made.told)
            machine.file.set_sync_token(made.token)

        await self._vault.run(work)

    async def next_unreadable(self) -> float | None:
        """Return in how many seconds an event is to be reported as unreadable, None when none waits."""
        return await self._vault.run(
            lambda machine: waiting.next_unreadable(machine.file, self._unreadable_after)
        )

    async def _keys(self, answer: Json) -> None:
        changed = entries(answer, "device_lists", "changed") + entries(answer, "device_lists", "left")
        await self._vault.run(lambda machine: machine.lost_track(changed))
        for some in _portions(entries(answer, "to_device", "events")):
            await self._vault.run(partial(_receive, raws=some))

    async def _late(self, made: Batch) -> list[Item]:
        items = list[Item]()
        for some in _portions(await self._vault.run(lambda machine: waiting.with_key(machine.file))):
            items += await self._vault.run(partial(_read_late, some=some, made=made))
        return items

    def _revise(self, machine: Machine, made: Batch) -> None:
        # Apply edits and redactions, and report what still waits after that.
        made.items = revise(machine.file, made.items, made.late)
        waits = waiting.unreadable(machine.file, self._unreadable_after)
        overdue = [one for one in waits if one.number not in made.late]
        made.told += [one.number for one in overdue]
        made.items += [batch.unreadable(one.room_id, one.event) for one in overdue]

    def _invitations(self, answer: Json) -> Iterator[Item]:
        for room_id, room in (lookup(answer, "rooms", "invite") or {}).items():
            state = (lookup(one) for one in entries(room, "invite_state", "events"))
            yield Invitation(room_id, tuple(one for one in state if one is not None))

    def _departures(self, answer: Json) -> Iterator[Item]:
        for room_id in lookup(answer, "rooms", "leave") or {}:
            self._writer.members_changed(room_id)
            yield Departure(room_id)

    async def _room(self, room_id: str, room: Json, since: str) -> list[Item]:
        state, timeline = entries(room, "state", "events"), entries(room, "timeline", "events")
        limited = (lookup(room, "timeline") or {}).get("limited") is True
        if limited:
            self._writer.members_changed(room_id)
        if since and limited and not any(self._is_own_arrival(raw) for raw in (*state, *timeline)):
            timeline = await self._gap(room_id, room["timeline"].get("prev_batch"), since) + timeline
        items = dict[str, Item]()
        for some in _portions(state + timeline):
            found = await self._vault.run(partial(_read_events, room_id=room_id, raws=some))
            items.update({event.event_id: event for event in found if event.event_id not in items})
            if any(event.kind == "m.room.member" for event in found):
                self._writer.members_changed(room_id)
        return list(items.values())

    def _is_own_arrival(self, raw: object) -> bool:
        # The bot has just joined: what was written long before is not for it.
        own = lookup(raw) or {}
        if own.get("type") != "m.room.member" or own.get("state_key") != self._vault.login.user_id:
            return False
        before = lookup(own, "unsigned", "prev_content") or {}
        return (
            before.get("membership") != "join" and (lookup(own, "content") or {}).get("membership") == "join"
        )

    async def _gap(self, room_id: str, start: object, since: str) -> list[object]:
        # What did not fit into the sync, oldest first.
        events = list[object]()
        while isinstance(start, str) and len(events) < GAP_EVENTS:
            query = {"dir": "b", "from": start, "to": since, "limit": str(PER_PAGE)}
            try:
                answer = await self._server.call("GET", "rooms", room_id, "messages", query=query)
            except (Busy, LoggedOut):
                raise
            except Refused as error:
                log.warning("a gap in a room could not be filled: %s", error)
                break
            page = entries(answer, "chunk")
            events += page
            start = answer.get("end") if page else None
        if len(events) >= GAP_EVENTS:
            log.warning(
                "more than %d events came in a room while the bot was away: the oldest are skipped",
                GAP_EVENTS,
            )
        return events[::-1]


def _receive(machine: Machine, raws: list[object]) -> None:
    for raw in raws:
        machine.receive(raw)
        breathe()


def _read_events(machine: Machine, room_id: str, raws: list[object]) -> list[Event]:
    events = list[Event]()
    for raw in raws:
        event = _read_event(machine, room_id, raw)
        if event is not None:
            events.append(event)
        breathe()
    return events


def _read_event(machine: Machine, room_id: str, raw: object) -> Event | None:
    event = lookup(raw)
    if event is None or not batch.is_event(event):
        return None
    if event.get("state_key") is not None:
        if event["type"] == "m.room.encryption":
            machine.file.add_encrypted_room(room_id)
        return batch.event(room_id, event)
    if event["sender"] == machine.user_id:
        return None
    if event["type"] != "m.room.encrypted":
        return batch.event(room_id, event)
    return _decrypt(machine, room_id, event)


def _decrypt(machine: Machine, room_id: str, event: Json) -> Event | None:
    try:
        kind, content = machine.read(room_id, event)
        # Matrix 1.16, "Relationships": of an encrypted event they stand outside, where servers read them.
        if (relation := event["content"].get("m.relates_to")) is not None:
            content = {**content, "m.relates_to": relation}
        return batch.event(room_id, {**event, "type": kind, "content": content}, encrypted=True)
    except NoKey:
        waiting.keep(machine.file, room_id, event)
    except (Garbled, KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        log.info("an encrypted event was dropped: %s", describe(error))
    return None


def _read_late(machine: Machine, some: list[waiting.Waiting], made: Batch) -> list[Event]:
    events = list[Event]()
    for one in some:
        waiting.tried(machine.file, one)
        event = _decrypt(machine, one.room_id, one.event)
        if event is not None:
            made.late.append(one.number)
            events.append(event)
    return events


def _portions(whole: list[T]) -> Iterator[list[T]]:
    for start in range(0, len(whole), AT_ONCE):
        yield whole[start : start + AT_ONCE]
