"""The keys in the device's file, in the way that nio's Olm machine reads and writes them.

Keys of rooms are not loaded at the start but looked up one by one: there may be tens of thousands.
"""

import time
from collections.abc import Mapping
from datetime import datetime

from nio.crypto.device import DeviceStore, OlmDevice
from nio.crypto.key_request import OutgoingKeyRequest
from nio.crypto.memorystores import GroupSessionStore, SessionStore
from nio.crypto.sessions import InboundGroupSession, OlmAccount, Session

from bot.channels.matrix.device_file import DeviceFile

ROOM_KEY_DAYS = 60
"""A room's key that nothing was read with for so long is deleted."""

ROOM_KEYS_PER_OWNER = 2_000
"""How many keys one person may leave with the bot; the longest unused go first."""

SESSIONS_PER_DEVICE = 10
"""How many sessions are kept with one device; a well-behaved one has one or two."""

DAY = 86_400.0


class KeyStore:
    """Keeps keys in a device's file, under the secret `store_key`."""

    def __init__(self, file: DeviceFile, store_key: str) -> None:
        self._db = file.connection
        self._key = store_key

    def load_account(self) -> OlmAccount | None:
        """Return the device's own keys, None for a new device; ValueError when the secret is another."""
        row = self._db.execute("SELECT pickle, shared FROM account").fetchone()
        return None if row is None else OlmAccount.from_pickle(row[0].encode(), self._key, bool(row[1]))

    def save_account(self, account: OlmAccount) -> None:
        """Keep the device's own keys."""
        self._db.execute(
            "INSERT INTO account (id, pickle, shared) VALUES (1, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET pickle = excluded.pickle, shared = excluded.shared",
            (account.pickle(self._key).decode(), account.shared),
        )

    def fallback_at(self) -> float:
        """Return when the last fallback key was published; 0 for never."""
        row = self._db.execute("SELECT fallback_at FROM account").fetchone()
        return float(row[0]) if row else 0.0

    def set_fallback_at(self, at: float) -> None:
        """Keep when the last fallback key was published."""
        self._db.execute("UPDATE account SET fallback_at = ?", (at,))

    def load_sessions(self) -> SessionStore:
        """Return the sessions with other devices."""
        store = SessionStore()
        rows = self._db.execute("SELECT sender_key, pickle, created_at, used_at FROM olm_sessions")
        for sender_key, pickle, created_at, used_at in rows:
            created, used = datetime.fromtimestamp(created_at), datetime.fromtimestamp(used_at)  # noqa: DTZ006 - nio compares with its own local time
            store.add(sender_key, Session.from_pickle(pickle.encode(), created, self._key, used))
        return store

    def save_session(self, sender_key: str, session: Session) -> None:
        """Keep a session with another device, and not more of them than makes sense."""
        times = session.creation_time.timestamp(), session.use_time.timestamp()
        self._db.execute(
            "INSERT OR REPLACE INTO olm_sessions VALUES (?, ?, ?, ?, ?)",
            (session.id, sender_key, session.pickle(self._key).decode(), *times),
        )

    def drop_session(self, session: Session) -> None:
        """Delete a session with another device."""
        self._db.execute("DELETE FROM olm_sessions WHERE session_id = ?", (session.id,))

    def add_room_key(self, owner: str, session: InboundGroupSession) -> None:
        """Keep a room's key that `owner` sent, unless one that reads as much or more is there already."""
        now, pickle = time.time(), session.pickle(self._key).decode()
        self._db.execute(
            "INSERT INTO room_keys VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " pickle = excluded.pickle, first_index = excluded.first_index,"
            " received_at = excluded.received_at"
            " WHERE excluded.first_index < first_index",
            (session.id, session.room_id, owner, pickle, session.first_known_index, now, now),
        )
        self._db.execute(
            "DELETE FROM room_keys WHERE owner = ? AND used_at < (SELECT used_at FROM room_keys"
            " WHERE owner = ? ORDER BY used_at DESC LIMIT 1 OFFSET ?)",
            (owner, owner, ROOM_KEYS_PER_OWNER - 1),
        )

    def room_key(self, room_id: str, session_id: str, owner: str) -> InboundGroupSession | None:
        """Return the key that reads what `owner` writes in a room, None while it has not come."""
        where = (session_id, room_id, owner)
        row = self._db.execute(
            "SELECT pickle, used_at FROM room_keys WHERE session_id = ? AND room_id = ? AND owner = ?", where
        ).fetchone()
        if row is None:
            return None
        now = time.time()
        if now - row[1] > DAY:
            self._db.execute(
                "UPDATE room_keys SET used_at = ? WHERE session_id = ? AND room_id = ? AND owner = ?",
                (now, *where),
            )
        return InboundGroupSession.from_pickle(row[0].encode(), "", "", room_id, self._key)

    def delete_unused_room_keys(self, now: float) -> None:
        """Delete the keys with which nothing was read for long."""
        self._db.execute("DELETE FROM room_keys WHERE used_at < ?", (now - ROOM_KEY_DAYS * DAY,))

    def load_device_keys(self) -> DeviceStore:
        """Return the devices of the people the bot talks to."""
        store = DeviceStore()
        rows = self._db.execute("SELECT user_id, device_id, ed25519, curve25519, deleted FROM devices")
        for user_id, device_id, ed25519, curve25519, deleted in rows:
            keys = {"ed25519": ed25519, "curve25519": curve25519}
            store.add(OlmDevice(user_id, device_id, keys, deleted=bool(deleted)))
        return store

    def save_device_keys(self, changed: Mapping[str, Mapping[str, OlmDevice]]) -> None:
        """Keep devices by their owner and id."""
        self._db.executemany(
            "INSERT OR REPLACE INTO devices VALUES (?, ?, ?, ?, ?)",
            [
                (user_id, device_id, device.ed25519, device.curve25519, device.deleted)
                for user_id, devices in changed.items()
                for device_id, device in devices.items()
            ],
        )

    # nio's machine loads these two at its start; this bot looks one up and has none of the other.

    def load_inbound_group_sessions(self) -> GroupSessionStore:
        """Return none: keys of rooms are looked up one by one."""
        return GroupSessionStore()

    def load_outgoing_key_requests(self) -> dict[str, OutgoingKeyRequest]:
        """Return none: nobody is asked for keys."""
        return {}
