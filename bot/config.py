"""The settings: the only reader of the environment and of `.env`."""

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from storage.database import parse_url


class ConfigError(Exception):
    """A setting is wrong; the text is one sentence which names the variable."""


def _database_url(value: str) -> str:
    """Return the URL if there is a driver for it."""
    parse_url(value)
    return value


def _timezone(value: str) -> str:
    """Return the name of a time zone if there is one of that name."""
    if value not in available_timezones():
        raise ValueError("expected the name of a time zone, such as Europe/Warsaw")
    return value


def _http_url(value: str) -> str:
    """Return an http(s) address without a slash at its end."""
    if not value.startswith(("http://", "https://")):
        raise ValueError("expected an address that begins with http:// or https://")
    return value.rstrip("/")


def _public_url(value: str) -> str:
    """Return an http(s) address without a slash at its end, or "" for none."""
    return _http_url(value) if value else value


def _token(value: SecretStr) -> SecretStr:
    """Return a bot token of the form that BotFather gives: digits, a colon, a secret."""
    number, colon, secret = value.get_secret_value().partition(":")
    if value.get_secret_value() and not (number.isdigit() and colon and secret):
        raise ValueError("expected the token as BotFather gives it: digits, a colon and letters")
    return value


def _webhook_secret(value: SecretStr) -> SecretStr:
    """Return a secret of the characters that Telegram allows (Bot API, setWebhook: A-Z a-z 0-9 _ -)."""
    secret = value.get_secret_value()
    if len(secret) > 256 or not all(c.isascii() and (c.isalnum() or c in "_-") for c in secret):  # noqa: PLR2004
        raise ValueError("expected at most 256 letters, digits, underscores and hyphens")
    return value


PARTS = frozenset({"telegram", "matrix", "web", "receive", "send", "clock"})
"""What a process does: serve a channel, take messages, send them, and do what falls due."""


def _parts(value: str) -> str:
    """Return a list of parts, separated by commas, if there are such parts."""
    wrong = {part.strip() for part in value.split(",")} - PARTS - {""}
    if wrong:
        raise ValueError(f"expected any of {', '.join(sorted(PARTS))}, separated by commas")
    return value


class Settings(BaseSettings):
    """Every setting with its default; an empty value counts as not set."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore", frozen=True
    )

    database_url: Annotated[str, AfterValidator(_database_url)] = "sqlite:///aglomeracja.db"
    telegram_token: Annotated[SecretStr, AfterValidator(_token)] = SecretStr("")
    telegram_api_url: Annotated[str, AfterValidator(_http_url)] = "https://api.telegram.org"
    telegram_webhook_secret: Annotated[SecretStr, AfterValidator(_webhook_secret)] = SecretStr("")
    telegram_per_second: Annotated[int, Field(ge=1, le=10_000)] = 30
    telegram_kept_for_answers: Annotated[int, Field(ge=0, le=10_000)] = 5
    telegram_chat_seconds: Annotated[float, Field(gt=0, le=3_600)] = 1.0
    telegram_group_per_minute: Annotated[int, Field(ge=1, le=100_000)] = 20
    matrix_homeserver: Annotated[str, AfterValidator(_public_url)] = ""
    matrix_user: str = ""
    matrix_password: SecretStr = SecretStr("")
    matrix_access_token: SecretStr = SecretStr("")
    matrix_store_key: SecretStr = SecretStr("")
    matrix_folder: Path = Path("matrix")
    matrix_reset_identity: bool = False
    matrix_per_second: Annotated[float, Field(gt=0, le=1_000)] = 0.2
    public_url: Annotated[str, AfterValidator(_public_url)] = ""
    web_host: str = "0.0.0.0"  # noqa: S104 - a phone in the same network is to reach it
    web_port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    lease_seconds: Annotated[float, Field(ge=1, le=3_600)] = 15.0
    turn_off: Annotated[str, AfterValidator(_parts)] = ""
    timezone: Annotated[str, AfterValidator(_timezone)] = "Europe/Warsaw"
    log_level: Annotated[str, Field(pattern="^(?i:debug|info|warning|error)$")] = "INFO"

    def does(self, *parts: str) -> bool:
        """Return whether this process does all of these parts."""
        return not {part.strip() for part in self.turn_off.split(",")} & set(parts)

    @property
    def speaks_telegram(self) -> bool:
        """Whether this process serves Telegram."""
        return bool(self.telegram_token.get_secret_value()) and self.does("telegram")

    @property
    def speaks_matrix(self) -> bool:
        """Whether this process serves Matrix."""
        return bool(self.matrix_homeserver) and self.does("matrix")

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that dates are said and understood in."""
        return ZoneInfo(self.timezone)


def read_settings() -> Settings:
    """Return the settings; raises ConfigError with one sentence that names the first wrong variable."""
    try:
        return Settings()
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        name = str(problem["loc"][0]).upper()
        reason = problem["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{name} is wrong: {reason}.") from None
    except UnicodeDecodeError:
        raise ConfigError(".env is wrong: it cannot be read, please save it as UTF-8.") from None
