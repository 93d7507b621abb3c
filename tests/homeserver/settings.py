"""What Synapse reads when it starts: its settings, its signing key, how it logs."""

import json
import secrets
from base64 import b64encode
from enum import Enum
from pathlib import Path
from typing import Any

NAME = "homeserver.test"
"""The server's part of every user id."""

STORE = "homeserver.db"

UNLIMITED = {"per_second": 1e6, "burst_count": 10**6}


class Limits(Enum):
    """How much a server lets a user do: as Synapse comes, or as much as they like."""

    STOCK = "stock"
    RELAXED = "relaxed"


RELAXED_LIMITS: dict[str, Any] = {
    "rc_message": UNLIMITED,
    "rc_registration": UNLIMITED,
    "rc_login": {"address": UNLIMITED, "account": UNLIMITED, "failed_attempts": UNLIMITED},
    "rc_joins": {"local": UNLIMITED, "remote": UNLIMITED},
    "rc_joins_per_room": UNLIMITED,
    "rc_invites": {"per_room": UNLIMITED, "per_user": UNLIMITED, "per_issuer": UNLIMITED},
    "rc_room_creation": UNLIMITED,
    "rc_presence": {"per_user": UNLIMITED},
    "rc_media_create": UNLIMITED,
    "rc_key_requests": UNLIMITED,
    "rc_admin_redaction": UNLIMITED,
}

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"log": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"level": "WARNING", "handlers": ["log"]},
}


def write_settings(folder: Path, port: int, limits: Limits) -> str:
    """Write the files that Synapse reads, and return the secret with which users are registered."""
    secret = secrets.token_hex(16)
    key = b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    relaxed = RELAXED_LIMITS if limits is Limits.RELAXED else {}
    # JSON is YAML.
    _write(folder / "homeserver.yaml", json.dumps(_settings(folder, port, secret) | relaxed))
    _write(folder / "logging.yaml", json.dumps(LOGGING))
    _write(folder / "signing.key", f"ed25519 a_test {key}\n")
    return secret


def _settings(folder: Path, port: int, secret: str) -> dict[str, Any]:
    """Return the settings of a server that listens on loopback and speaks with no other server."""
    resources = [{"names": ["client"], "compress": False}]
    listener = {"type": "http", "bind_addresses": ["127.0.0.1"], "port": port, "resources": resources}
    return {
        "server_name": NAME,
        "public_baseurl": f"http://127.0.0.1:{port}/",
        "listeners": [listener],
        "database": {"name": "sqlite3", "args": {"database": str(folder / STORE)}},
        "media_store_path": str(folder / "media"),
        "signing_key_path": str(folder / "signing.key"),
        "log_config": str(folder / "logging.yaml"),
        "registration_shared_secret": secret,
        "macaroon_secret_key": secrets.token_hex(32),
        "form_secret": secrets.token_hex(32),
        "report_stats": False,
        "trusted_key_servers": [],
        "federation_domain_whitelist": [],
        "bcrypt_rounds": 4,  # a hundredth of the time of the default
        # Tokens are looked up in the store each time, so that one can be made to expire there.
        "caches": {"per_cache_factors": {"get_user_by_access_token": 0}},
    }


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
