"""Edits and redactions of what was not handed over yet, also such as somebody had no right to."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.channels.matrix import waiting
from bot.channels.matrix.batch import Event, Item, event
from bot.channels.matrix.device_file import DeviceFile
from bot.channels.matrix.revising import revise

ANNA, JAN = "@anna:hs", "@jan:hs"
ROOM, OTHER = "!room", "!other"
RELATION = {"rel_type": "m.thread", "event_id": "$thread"}


def raw(event_id: str, kind: str, content: dict[str, Any], sender: str = ANNA, **more: Any) -> dict[str, Any]:
    """Return an event as it comes."""
    known = {"event_id": event_id, "type": kind, "sender": sender, "content": content}
    return {**known, "origin_server_ts": int(time.time() * 1000), **more}


def text(event_id: str, body: str, **more: Any) -> Event:
    """Return a text."""
    return event(ROOM, raw(event_id, "m.room.message", {"msgtype": "m.text", "body": body}, **more))


def edit(event_id: str, of: str, body: str, room: str = ROOM, **more: Any) -> Event:
    """Return an edit."""
    new = {"msgtype": "m.text", "body": body}
    content = {**new, "m.new_content": new, "m.relates_to": {"rel_type": "m.replace", "event_id": of}}
    return event(room, raw(event_id, "m.room.message", content, **more))


def redaction(event_id: str, of: str, room: str = ROOM, **more: Any) -> Event:
    """Return a redaction, as rooms before version 11 have it."""
    return event(room, raw(event_id, "m.room.redaction", {}, redacts=of, **more))


@pytest.fixture
def file(tmp_path: Path) -> Iterator[DeviceFile]:
    """Give a device's file in which two events wait."""
    made = DeviceFile(tmp_path / "device.db")
    for event_id, relation in (("$late1", None), ("$late2", RELATION)):
        content = {"session_id": "s", "m.relates_to": relation}
        waiting.keep(made, ROOM, raw(event_id, "m.room.encrypted", content))
    yield made
    made.connection.close()


def names(items: list[Item]) -> list[str]:
    """Return the ids of events."""
    return [item.event_id for item in items if isinstance(item, Event)]


def test_an_edit_of_what_waits_is_handed_over_as_that(file: DeviceFile) -> None:
    settled = list[int]()
    made = revise(
        file, [text("$1", "Hej"), edit("$2", "$late2", "Po"), edit("$3", "$late2", "Po po")], settled
    )
    assert names(made) == ["$1", "$late2", "$3"]
    stands = made[1]
    assert isinstance(stands, Event)
    assert stands.content == {"msgtype": "m.text", "body": "Po", "m.relates_to": RELATION}
    assert stands.source["event_id"] == "$late2"
    assert len(settled) == 1


@pytest.mark.parametrize(
    "one",
    [
        edit("$2", "$late1", "Nie moje", sender=JAN),
        edit("$2", "$late1", "Gdzie indziej", room=OTHER),
        edit("$2", "$1", "Czegoś innego"),
        redaction("$2", "$late1", room=OTHER),
        replace(redaction("$2", "$late1", sender=JAN), encrypted=True),
        event(ROOM, raw("$2", "m.room.redaction", {"redacts": "$late1"}, redacts="$1")),
        event(ROOM, raw("$2", "m.room.redaction", {"redacts": ["$late1"]})),
    ],
)
def test_what_waits_goes_on_waiting(file: DeviceFile, one: Event) -> None:
    settled = list[int]()
    assert one in revise(file, [one], settled)
    assert settled == []


def test_what_was_read_at_last_in_the_same_moment_is_not_handed_over_twice(file: DeviceFile) -> None:
    [number] = [one.number for one in waiting.find(file, {(ROOM, "$late1")}).values()]
    settled = [number]
    some: list[Item] = [text("$late1", "Przed"), edit("$2", "$late1", "Po")]
    assert revise(file, some, settled) == some
    assert settled == [number]


@pytest.mark.parametrize(
    "redacts",
    [
        redaction("$9", "$late1"),
        event(ROOM, raw("$9", "m.room.redaction", {"redacts": "$late1"}, sender=JAN)),
    ],
)
def test_what_was_taken_back_is_not_handed_over_nor_any_edit_of_it(file: DeviceFile, redacts: Event) -> None:
    settled = list[int]()
    some: list[Item] = [text("$late1", "x"), edit("$2", "$late1", "y"), text("$3", "Dalej"), redacts]
    assert names(revise(file, some, settled)) == ["$3", "$9"]
    assert len(settled) == 1
    waiting.settle(file, settled, [])
    assert [one.event["event_id"] for one in waiting.unreadable(file, 0)] == ["$late2"]


def test_a_change_of_state_is_never_left_out(file: DeviceFile) -> None:
    joins = event(ROOM, raw("$1", "m.room.member", {"membership": "join"}, state_key=ANNA))
    assert names(revise(file, [joins, redaction("$9", "$1")], [])) == ["$1", "$9"]
