"""Who can read what the bot writes in a room: all devices of its members, and nobody who has left."""

from collections.abc import Iterable, Sequence

from nio.crypto.sessions import OutboundGroupSession

from bot.channels.matrix.errors import Json
from bot.channels.matrix.machine import MEGOLM, Machine, breathe

Device = tuple[str, str]
"""A device by its owner and its id."""

PER_REQUEST = 20
"""How many devices' keys go into one request."""


def lacking(machine: Machine, room_id: str, members: Iterable[str]) -> list[Device]:
    """Return the members' devices that lack the room's present key; it is a new one after somebody left."""
    present = {
        (user, device.id) for user in members for device in machine.device_store.active_user_devices(user)
    }
    present.discard((machine.user_id, machine.device_id))
    session = machine.outbound_group_sessions.get(room_id)
    if session is None or session.expired or session.users_shared_with - present:
        session = machine.outbound_group_sessions[room_id] = OutboundGroupSession()
    return sorted(present - session.users_shared_with)


def without_session(machine: Machine, devices: Iterable[Device]) -> list[Device]:
    """Return those devices with which there is no session to send a key through."""
    store = machine.device_store
    return [
        (user, device)
        for user, device in devices
        if not machine.session_store.get(store[user][device].curve25519)
    ]


def parcels(machine: Machine, room_id: str, devices: Sequence[Device]) -> list[tuple[Sequence[Device], Json]]:
    """Return the room's key for those devices that can be reached, as bodies of sendToDevice."""
    made = list[tuple[Sequence[Device], Json]]()
    reachable = sorted(set(devices) - set(without_session(machine, devices)))
    for start in range(0, len(reachable), PER_REQUEST):
        some, messages = reachable[start : start + PER_REQUEST], Json()
        for user, device in some:
            messages.setdefault(user, {})[device] = _parcel(machine, room_id, user, device)
        made.append((some, {"messages": messages}))
    return made


def _parcel(machine: Machine, room_id: str, user: str, device_id: str) -> Json:
    outbound = machine.outbound_group_sessions[room_id]
    content = {
        "algorithm": MEGOLM,
        "room_id": room_id,
        "session_id": outbound.id,
        "session_key": outbound.session_key,
    }
    breathe()
    return machine.encrypt_for(machine.device_store[user][device_id], "m.room_key", content)


def shared(machine: Machine, room_id: str, devices: Iterable[Device]) -> None:
    """Note that these devices have got the room's key."""
    machine.outbound_group_sessions[room_id].users_shared_with.update(devices)


def encrypt(machine: Machine, room_id: str, kind: str, content: Json) -> Json:
    """Return the content of an m.room.encrypted event; relations stay readable, as servers need them."""
    machine.outbound_group_sessions[room_id].mark_as_shared()
    encrypted: Json = machine.group_encrypt(room_id, {"type": kind, "content": content})
    relation = content.get("m.relates_to")
    return encrypted if relation is None else {**encrypted, "m.relates_to": relation}
