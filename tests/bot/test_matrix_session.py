"""The bot's device on Matrix: made, kept, lost, copied, logged out."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bot.channels.matrix.errors import SetupError
from bot.channels.matrix.session import Account
from tests.bot.matrix_bot import QUICK, Bot, Twin, account, opened, running
from tests.bot.matrix_proxy import proxied
from tests.homeserver.member import Member, Mode, member
from tests.homeserver.stranger import Stranger
from tests.homeserver.synapse import Homeserver


def rights(*paths: Path) -> set[int]:
    """Return who may use some files."""
    return {path.stat().st_mode & 0o777 for path in paths}


async def talk(bot: Bot, anna: Member, text: str) -> None:
    """Let both say something to the other, who understands it and is not warned."""
    await anna.sends(text)
    await bot.hears(text)
    await bot.says(anna.room, f"{text}?")
    await anna.hears(f"{text}?")
    assert list(anna.screen().values())[-1].shield is None


async def test_a_device_is_kept_for_its_owner_alone_and_stays(known: Account, folder: Path) -> None:
    twin = Twin()
    async with opened(known, folder, twin) as client:
        first = client.device_id
        assert rights(folder) == {0o700}
        assert rights(*(folder / name for name in ("device.db", "device.db-wal", "identity.json"))) == {0o600}
    async with opened(known, folder, twin) as client:
        assert client.device_id == first


async def test_no_secret_lies_in_the_file_of_the_device(known: Account, folder: Path) -> None:
    async with opened(known, folder):
        pass
    assert known.password.encode() not in (folder / "device.db").read_bytes()
    assert known.store_key.encode() not in (folder / "device.db").read_bytes()
    assert known.password not in repr(known)
    assert known.store_key not in repr(known)


async def test_a_second_process_is_refused(known: Account, folder: Path) -> None:
    async with opened(known, folder):
        with pytest.raises(SetupError, match="Another process uses"):
            async with opened(known, folder):
                pass


async def test_an_access_token_is_enough(homeserver: Homeserver, folder: Path) -> None:
    registered = homeserver.register("bot")
    known = account(homeserver, registered, user="", password="", access_token=registered.access_token)
    async with running(known, folder) as bot, member(homeserver, "anna", Mode.SIGNED_ONLY) as anna:
        assert (bot.user_id, bot.client.device_id) == (registered.user_id, registered.device_id)
        await anna.opens(bot.user_id)
        await talk(bot, anna, "Dzień dobry")


async def test_the_device_of_an_access_token_is_not_given_other_keys(
    homeserver: Homeserver, folder: Path
) -> None:
    registered = homeserver.register("bot")
    known = account(homeserver, registered, user="", password="", access_token=registered.access_token)
    async with opened(known, folder):
        pass
    (folder / "device.db").unlink()
    with pytest.raises(SetupError, match="keys of the device that the access token belongs to are lost"):
        async with opened(known, folder):
            pass


async def test_a_lost_device_is_replaced_by_a_new_one_that_is_signed(
    homeserver: Homeserver, known: Account, folder: Path
) -> None:
    twin = Twin()
    async with member(homeserver, "anna", Mode.SIGNED_ONLY) as anna:
        async with running(known, folder, twin) as bot:
            first = bot.client.device_id
            await anna.opens(bot.user_id)
            await talk(bot, anna, "Przed")
        (folder / "device.db").unlink()
        async with running(known, folder, twin) as bot:
            await talk(bot, anna, "Po")
            assert bot.client.device_id != first
            assert homeserver.devices(bot.user_id) == [bot.client.device_id]
            identity = await anna.knows(bot.user_id)
            assert not identity.identity_changed
            assert identity.signed == {bot.client.device_id: True}


async def test_an_old_copy_of_a_device_is_not_used(
    homeserver: Homeserver, known: Account, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    twin = Twin()
    async with member(homeserver, "anna", Mode.SIGNED_ONLY) as anna:
        async with running(known, folder, twin) as bot:
            first = bot.client.device_id
            await anna.opens(bot.user_id)
            await talk(bot, anna, "Raz")
        shutil.copy(folder / "device.db", folder.parent)
        async with running(known, folder, twin) as bot:
            assert bot.client.device_id == first
            await talk(bot, anna, "Dwa")
        shutil.copy(folder.parent / "device.db", folder)
        async with running(known, folder, twin) as bot:
            assert "old copy" in caplog.text
            assert bot.client.device_id != first
            await talk(bot, anna, "Trzy")
            assert homeserver.devices(bot.user_id) == [bot.client.device_id]


async def test_a_copy_that_was_made_while_the_bot_ran_is_an_old_one_too(
    homeserver: Homeserver, known: Account, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin, stranger = Twin(), Stranger(homeserver)
    async with running(known, folder, twin) as bot:
        first = bot.client.device_id
        copied = twin.number
        assert await bot.client.vault.run(lambda machine: machine.file.read().generation) == copied
        monkeypatch.setattr("bot.channels.matrix.upkeep.HOUR", 0.0)
        bot.syncing._upkeep._hourly_at = 0.0
        stranger.opens(bot.user_id)
        await bot.until(lambda: twin.number > copied)
    async with opened(known, folder, twin) as client:
        assert client.device_id == first
        await client.vault.run(lambda machine: machine.file.set_generation(copied))
    async with opened(known, folder, twin) as client:
        assert client.device_id != first


async def test_a_damaged_device_is_replaced(homeserver: Homeserver, known: Account, folder: Path) -> None:
    async with opened(known, folder) as client:
        first = client.device_id
    (folder / "device.db").write_bytes(b"no database" * 1000)
    async with opened(known, folder) as client:
        assert client.device_id != first
        assert homeserver.devices(client.user_id) == [client.device_id]


async def test_another_secret_is_refused_and_harms_nothing(known: Account, folder: Path) -> None:
    twin = Twin()
    async with opened(known, folder, twin) as client:
        first = client.device_id
    other = Account(known.homeserver, known.user, known.password, store_key="another secret")
    with pytest.raises(SetupError, match="under another secret"):
        async with opened(other, folder, twin):
            pass
    async with opened(known, folder, twin) as client:
        assert client.device_id == first


async def test_a_device_of_another_account_is_not_used(
    homeserver: Homeserver, known: Account, folder: Path
) -> None:
    async with opened(known, folder) as client:
        first = client.user_id
    (folder / "identity.json").unlink()
    async with opened(account(homeserver, homeserver.register("other", with_device=False)), folder) as client:
        assert client.user_id != first


async def test_a_foreign_identity_is_refused_until_it_may_be_reset(
    homeserver: Homeserver, known: Account, tmp_path: Path
) -> None:
    async with opened(known, tmp_path / "first"):
        pass
    with pytest.raises(SetupError, match="made elsewhere"):
        async with opened(known, tmp_path / "second"):
            pass
    allowed = Account(known.homeserver, known.user, known.password, "", known.store_key, reset_identity=True)
    async with (
        running(allowed, tmp_path / "second") as bot,
        member(homeserver, "anna", Mode.SIGNED_ONLY) as anna,
    ):
        await anna.opens(bot.user_id)
        await talk(bot, anna, "Dzień dobry")


async def test_an_identity_that_cannot_be_read_is_not_replaced(known: Account, folder: Path) -> None:
    async with opened(known, folder):
        pass
    (folder / "identity.json").write_text("{}")
    with pytest.raises(SetupError, match="cannot be read: put back a copy"):
        async with opened(known, folder):
            pass


async def test_a_wrong_password_is_refused_with_one_clear_error(known: Account, folder: Path) -> None:
    wrong = Account(known.homeserver, known.user, "wrong", store_key=known.store_key)
    with pytest.raises(SetupError, match="does not accept the bot's password") as refused:
        async with running(wrong, folder):
            pass
    assert "wrong" not in str(refused.value)


def test_a_password_or_a_token_and_a_secret_are_needed() -> None:
    with pytest.raises(SetupError, match="a password, or an access token"):
        Account("http://localhost", "bot", store_key="secret")
    with pytest.raises(SetupError, match="a secret"):
        Account("http://localhost", "bot", "password")


async def test_a_soft_logout_keeps_the_device(homeserver: Homeserver, known: Account, folder: Path) -> None:
    async with running(known, folder) as bot, member(homeserver, "anna", Mode.SIGNED_ONLY) as anna:
        await anna.opens(bot.user_id)
        await talk(bot, anna, "Przed")
        first, token = bot.client.device_id, bot.client.vault.login.access_token
        homeserver.expire_tokens(bot.user_id)
        await talk(bot, anna, "Po")
        assert bot.client.device_id == first
        assert bot.client.vault.login.access_token != token


async def test_a_logout_that_is_met_while_sending_does_not_wait_for_reading(
    homeserver: Homeserver, known: Account, folder: Path
) -> None:
    stranger = Stranger(homeserver)
    async with (
        proxied(homeserver.url) as proxy,
        running(replace(known, homeserver=proxy.url), folder, tempo=replace(QUICK, sync=600.0)) as bot,
    ):
        room = stranger.opens(bot.user_id)
        stranger.says(room, "Hej")
        await bot.hears("Hej")
        heard = proxy.asked["sync"]
        await bot.until(lambda: proxy.asked["sync"] > heard)  # it waits for what comes next
        homeserver.expire_tokens(bot.user_id)
        await bot.says(room, "Jestem")


async def test_a_soft_logout_while_the_bot_was_away(
    homeserver: Homeserver, known: Account, folder: Path
) -> None:
    async with opened(known, folder) as client:
        first = client.device_id
    homeserver.expire_tokens(client.user_id)
    async with opened(known, folder) as client:
        assert client.device_id == first


async def test_a_logout_makes_a_new_device_where_there_is_a_password(
    homeserver: Homeserver, known: Account, folder: Path
) -> None:
    async with running(known, folder) as bot, member(homeserver, "anna", Mode.SIGNED_ONLY) as anna:
        await anna.opens(bot.user_id)
        await talk(bot, anna, "Przed")
        first = bot.client.device_id
        homeserver.log_out(bot.user_id)
        await bot.until(lambda: bot.client.device_id != first and bot.client.is_open)
        await talk(bot, anna, "Po")
        assert homeserver.devices(bot.user_id) == [bot.client.device_id]


async def test_a_logout_ends_with_one_clear_error_where_there_is_none(
    homeserver: Homeserver, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    registered = homeserver.register("bot")
    known = account(homeserver, registered, user="", password="", access_token=registered.access_token)
    async with running(known, folder) as bot:
        homeserver.log_out(bot.user_id)
        with pytest.raises(SetupError, match="does not accept the bot's access token"):
            await bot.until(lambda: False)
    assert len(caplog.records) < 5
    assert registered.access_token not in caplog.text


async def test_a_closed_account_ends_with_one_clear_error(
    homeserver: Homeserver, known: Account, folder: Path
) -> None:
    async with running(known, folder) as bot:
        homeserver.deactivate(bot.user_id)
        with pytest.raises(SetupError, match="does not accept the bot's password"):
            await bot.until(lambda: False)
