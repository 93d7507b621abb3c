"""The settings: where they come from, and one clear sentence for each that is wrong."""

from pathlib import Path

import pytest

from bot.config import ConfigError, Settings, read_settings

VARIABLES = [name.upper() for name in Settings.model_fields]
TOKEN = "123456:AAF-tajny_zeton"


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder with none of the variables set, and return the folder."""
    monkeypatch.chdir(tmp_path)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_every_setting_has_a_default() -> None:
    settings = read_settings()
    assert settings.database_url == "sqlite:///aglomeracja.db"
    assert settings.telegram_token.get_secret_value() == ""
    assert settings.telegram_api_url == "https://api.telegram.org"
    assert settings.telegram_webhook_secret.get_secret_value() == ""
    assert settings.public_url == ""
    assert (settings.web_host, settings.web_port) == ("0.0.0.0", 8080)
    assert settings.zone.key == "Europe/Warsaw"
    assert settings.log_level == "INFO"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://root:AAF-tajny_zeton@localhost/x"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", "postgresql://user:AAF-tajny_zeton"),
        ("TELEGRAM_TOKEN", "AAF-tajny_zeton"),
        ("TELEGRAM_TOKEN", "bot123456:AAF-tajny_zeton"),
        ("TELEGRAM_TOKEN", "123456:"),
        ("TELEGRAM_API_URL", "api.telegram.org"),
        ("TELEGRAM_WEBHOOK_SECRET", "AAF-tajny_zeton!"),
        ("TELEGRAM_WEBHOOK_SECRET", "ł"),
        ("TELEGRAM_WEBHOOK_SECRET", "a" * 257),
        ("PUBLIC_URL", "bot.example.org"),
        ("WEB_PORT", "osiemdziesiąt"),
        ("WEB_PORT", "65536"),
        ("WEB_PORT", "-1"),
        ("TIMEZONE", "Europe/Czestochowa"),
        ("TIMEZONE", "../../etc/passwd"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_it(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        read_settings()
    sentence = str(caught.value)
    assert sentence.startswith(f"{name} is wrong: ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "tajny_zeton" not in sentence
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://user:word@host/name"),
        ("TELEGRAM_TOKEN", TOKEN),
        ("TELEGRAM_WEBHOOK_SECRET", "aZ_09-"),
        ("WEB_PORT", "0"),
        ("TIMEZONE", "Europe/London"),
        ("LOG_LEVEL", "debug"),
    ],
)
def test_a_good_value_is_taken(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    found = getattr(read_settings(), name.lower())
    assert str(getattr(found, "get_secret_value", lambda: found)()) == value


@pytest.mark.parametrize("name", VARIABLES)
def test_an_empty_value_counts_as_not_set(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "")
    assert read_settings() == Settings.model_construct()


def test_an_address_loses_its_last_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://bot.example.org/")
    monkeypatch.setenv("TELEGRAM_API_URL", "http://localhost:8081/")
    settings = read_settings()
    assert settings.public_url == "https://bot.example.org"
    assert settings.telegram_api_url == "http://localhost:8081"


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_TOKEN", TOKEN)
    monkeypatch.setenv("TELEGRAM_WEBHOOK_SECRET", "tajny_zeton")
    settings = read_settings()
    assert "tajny_zeton" not in f"{settings!r} {settings} {settings.model_dump()}"


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "with a byte order mark"])
def test_the_file_is_read_and_the_environment_wins(
    bare: Path, monkeypatch: pytest.MonkeyPatch, mark: str
) -> None:
    lines = ["WEB_PORT=9000", "# a comment", "TIMEZONE='Europe/London'", "SOMETHING_ELSE=1", "LOG_LEVEL="]
    (bare / ".env").write_text(mark + "\n".join(lines), encoding="utf-8")
    monkeypatch.setenv("TIMEZONE", "Europe/Paris")
    settings = read_settings()
    assert settings.web_port == 9000
    assert settings.timezone == "Europe/Paris"
    assert settings.log_level == "INFO"


def test_a_wrong_value_in_the_file_is_named_too(bare: Path) -> None:
    (bare / ".env").write_text(f"TELEGRAM_TOKEN=x{TOKEN}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"^TELEGRAM_TOKEN is wrong: ") as caught:
        read_settings()
    assert "tajny_zeton" not in str(caught.value)


def test_a_file_that_is_no_text_is_one_sentence(bare: Path) -> None:
    (bare / ".env").write_bytes("TIMEZONE=Europe/Łódź".encode("iso-8859-2"))
    with pytest.raises(ConfigError, match=r"^\.env is wrong: .*UTF-8\.$"):
        read_settings()
