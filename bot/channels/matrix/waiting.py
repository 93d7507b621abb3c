"""Events that came before their keys: they wait in the device's file, not too many and not too long."""

import json
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from bot.channels.matrix.device_file import DeviceFile
from bot.channels.matrix.errors import Json
from bot.channels.matrix.keys import DAY

WAITING = 1_000
"""How many events wait at most; of one person a tenth. The oldest go first."""

WAITING_DAYS = 2
"""After so many days nobody looks for the key of an event any more."""

WORTH_TELLING_DAYS = 7
"""Of an event that was written longer ago, nobody is told that it cannot be read."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that waits: its number here, its room, and the event as it came."""

    number: int
    room_id: str
    event: Json


def keep(file: DeviceFile, room_id: str, event: Json) -> None:
    """Keep an event until its key comes."""
    now, owner = time.time(), event["sender"]
    session_id = str(event["content"].get("session_id"))
    file.connection.execute(
        "INSERT OR IGNORE INTO waiting (event_id, room_id, session_id, owner, event, kept_at, tried_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (event["event_id"], room_id, session_id, owner, json.dumps(event), now, now),
    )
    for where, values, most in (("owner = ?", (owner,), WAITING // 10), ("1", (), WAITING)):
        file.connection.execute(
            f"DELETE FROM waiting WHERE {where} AND number <="  # noqa: S608 - both are written above
            f" (SELECT number FROM waiting WHERE {where} ORDER BY number DESC LIMIT 1 OFFSET ?)",
            (*values, *values, most),
        )


def with_key(file: DeviceFile) -> list[Waiting]:
    """Return the events whose key has come since they were last tried, in the order in which they came."""
    return _read(
        file,
        "SELECT number, room_id, event FROM waiting WHERE EXISTS (SELECT 1 FROM room_keys"
        " WHERE room_keys.session_id = waiting.session_id AND room_keys.room_id = waiting.room_id"
        " AND room_keys.owner = waiting.owner AND received_at >= tried_at) ORDER BY number",
    )


def unreadable(file: DeviceFile, seconds: float) -> list[Waiting]:
    """Return the events that have waited for so long without that anybody was told."""
    waiting = _read(
        file,
        "SELECT number, room_id, event FROM waiting WHERE NOT told AND kept_at <= ? ORDER BY number",
        time.time() - seconds,
    )
    since = (time.time() - WORTH_TELLING_DAYS * DAY) * 1000
    return [one for one in waiting if one.event["origin_server_ts"] >= since]


def next_unreadable(file: DeviceFile, seconds: float) -> float | None:
    """Return in how many seconds the next event has waited for `seconds`, None when none waits."""
    row = file.connection.execute("SELECT min(kept_at) FROM waiting WHERE NOT told").fetchone()
    return None if row[0] is None else row[0] + seconds - time.time()


def find(file: DeviceFile, names: Collection[tuple[str, str]]) -> dict[tuple[str, str], Waiting]:
    """Return those of some events, each named by its room and id, which wait."""
    ids = json.dumps([event_id for _, event_id in names])
    query = (
        "SELECT number, room_id, event FROM waiting WHERE event_id IN (SELECT value FROM json_each(?))"
        " ORDER BY number"
    )
    found = {(one.room_id, str(one.event["event_id"])): one for one in _read(file, query, ids)}
    return {name: one for name, one in found.items() if name in names}


def tried(file: DeviceFile, one: Waiting) -> None:
    """Note that an event could not be read with the key that came."""
    file.connection.execute("UPDATE waiting SET tried_at = ? WHERE number = ?", (time.time(), one.number))


def settle(file: DeviceFile, handled: Iterable[int], told: Iterable[int]) -> None:
    """Forget what was handled at last or is too old, and note of which events somebody was told."""
    file.connection.executemany("DELETE FROM waiting WHERE number = ?", [(number,) for number in handled])
    file.connection.executemany(
        "UPDATE waiting SET told = 1 WHERE number = ?", [(number,) for number in told]
    )
    file.connection.execute("DELETE FROM waiting WHERE kept_at < ?", (time.time() - WAITING_DAYS * DAY,))


def _read(file: DeviceFile, query: str, *values: float | str) -> list[Waiting]:
    rows = file.connection.execute(query, values)
    return [Waiting(number, room_id, json.loads(event)) for number, room_id, event in rows]
