"""The file that is the bot's device: its login, how far it has read, and what came without a key.

The keys in the same file are `keys.py`'s. All of it is used in one thread (`vault.py`), a transaction at a
time; times are seconds since the epoch.
"""

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from bot.channels.matrix.session import Login

_SCHEMA = """
CREATE TABLE IF NOT EXISTS device (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    user_id TEXT NOT NULL, device_id TEXT NOT NULL, access_token TEXT NOT NULL,
    generation INTEGER NOT NULL DEFAULT 0, sync_token TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS account (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    pickle TEXT NOT NULL, shared INTEGER NOT NULL, fallback_at REAL NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS olm_sessions (
    session_id TEXT PRIMARY KEY, sender_key TEXT NOT NULL, pickle TEXT NOT NULL,
    created_at REAL NOT NULL, used_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS devices (
    user_id TEXT NOT NULL, device_id TEXT NOT NULL, ed25519 TEXT NOT NULL, curve25519 TEXT NOT NULL,
    deleted INTEGER NOT NULL, PRIMARY KEY (user_id, device_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS room_keys (
    session_id TEXT NOT NULL, room_id TEXT NOT NULL, owner TEXT NOT NULL,
    pickle TEXT NOT NULL, first_index INTEGER NOT NULL, received_at REAL NOT NULL, used_at REAL NOT NULL,
    PRIMARY KEY (session_id, room_id, owner)
);
CREATE INDEX IF NOT EXISTS room_keys_by_owner ON room_keys (owner, used_at);
CREATE INDEX IF NOT EXISTS room_keys_by_use ON room_keys (used_at);
CREATE TABLE IF NOT EXISTS encrypted_rooms (room_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS taken (digest BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS waiting (
    number INTEGER PRIMARY KEY, event_id TEXT NOT NULL UNIQUE, room_id TEXT NOT NULL,
    session_id TEXT NOT NULL, owner TEXT NOT NULL, event TEXT NOT NULL,
    kept_at REAL NOT NULL, tried_at REAL NOT NULL, told INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS waiting_by_session ON waiting (session_id, room_id, owner);
"""


class NotADevice(Exception):
    """The file is damaged, or no device was ever kept in it."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the file says of the device: its login, the file's number, and how far it has read ("": not)."""

    login: Login
    generation: int
    sync_token: str


class DeviceFile:
    """The SQLite file at `path`, made for its owner alone if it is not there; `NotADevice` if damaged."""

    def __init__(self, path: Path) -> None:
        os.close(
            os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        )  # what SQLite puts beside it gets the same rights
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self.connection.executescript(
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;" + _SCHEMA
            )
        except sqlite3.DatabaseError:
            self.connection.close()
            raise NotADevice from None

    def begin(self) -> None:
        """Begin a transaction."""
        self.connection.execute("BEGIN")

    def commit(self) -> None:
        """End the transaction: what was written in it is surely on the disk."""
        try:
            self.connection.execute("COMMIT")
        except sqlite3.Error:
            self.connection.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def read(self) -> Known:
        """Return what the file says; raises `NotADevice` when it holds no device with an account."""
        row = self.connection.execute(
            "SELECT user_id, device_id, access_token, generation, sync_token"
            " FROM device JOIN account USING (id)"
        ).fetchone()
        if row is None:
            raise NotADevice
        return Known(Login(*row[:3]), row[3], row[4])

    def set_login(self, login: Login) -> None:
        """Keep the login of the device; what else is known of it stays."""
        self.connection.execute(
            "INSERT INTO device (id, user_id, device_id, access_token) VALUES (1, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET user_id = excluded.user_id, device_id = excluded.device_id,"
            " access_token = excluded.access_token",
            (login.user_id, login.device_id, login.access_token),
        )

    def set_generation(self, number: int) -> None:
        """Keep the number of the file."""
        self.connection.execute("UPDATE device SET generation = ?", (number,))

    def set_sync_token(self, token: str) -> None:
        """Keep how far the device has read; to-device events up to there will not come again."""
        self.connection.execute("UPDATE device SET sync_token = ?", (token,))
        self.connection.execute("DELETE FROM taken")

    def take(self, digest: bytes) -> bool:
        """Note a to-device event; return whether it is new since the sync token that is kept."""
        cursor = self.connection.execute("INSERT OR IGNORE INTO taken VALUES (?)", (digest,))
        return cursor.rowcount == 1

    def add_encrypted_room(self, room_id: str) -> None:
        """Keep for good that a room is encrypted."""
        self.connection.execute("INSERT OR IGNORE INTO encrypted_rooms VALUES (?)", (room_id,))

    def is_encrypted(self, room_id: str) -> bool:
        """Return whether a room is known to be encrypted."""
        row = self.connection.execute(
            "SELECT 1 FROM encrypted_rooms WHERE room_id = ?", (room_id,)
        ).fetchone()
        return row is not None
