"""The bare echo on aiogram as installed: `python -m tests.bench.echo_aiogram URL TOKEN [PORT]`.

By polling, or with a port by webhook on the library's own aiohttp handler.
"""

import asyncio
import sys

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import CallbackQuery, Message
from aiogram.webhook.aiohttp_server import SimpleRequestHandler
from aiohttp import web

dispatcher = Dispatcher()


@dispatcher.message()
async def echo(message: Message) -> None:
    """Say the same."""
    await message.answer(message.text or "")


@dispatcher.callback_query()
async def press(query: CallbackQuery) -> None:
    """Take the waiting sign from the button and show in the message what was pressed."""
    await query.answer()
    assert isinstance(query.message, Message)
    await query.message.edit_text(f"{query.data} ({query.id})")  # never what stands there: that is refused


async def serve(bot: Bot, port: int) -> None:
    """Take updates by webhook until the process is ended."""
    app = web.Application()
    SimpleRequestHandler(dispatcher, bot).register(app, "/")
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await bot.set_webhook(f"http://127.0.0.1:{port}/")
    await asyncio.Event().wait()


async def run(url: str, token: str, port: str = "") -> None:
    """Build the bot and run it."""
    bot = Bot(token, AiohttpSession(api=TelegramAPIServer.from_base(url)))
    await (serve(bot, int(port)) if port else dispatcher.start_polling(bot))


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:]))
