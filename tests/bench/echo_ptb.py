"""The bare echo on python-telegram-bot as installed: `python -m tests.bench.echo_ptb URL TOKEN [PORT]`.

By polling, or with a port by webhook, behind Starlette and uvicorn as in the library's example
`customwebhookbot.py`: its own webhook server is an extra that is not installed with it.
"""

import asyncio
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from telegram import Update
from telegram.ext import (
    Application,
    ApplicationBuilder,
    CallbackQueryHandler,
    ContextTypes,
    MessageHandler,
    filters,
)

Context = ContextTypes.DEFAULT_TYPE


async def echo(update: Update, _: Context) -> None:
    """Say the same."""
    assert update.message is not None
    await update.message.reply_text(update.message.text or "")


async def press(update: Update, _: Context) -> None:
    """Take the waiting sign from the button and show in the message what was pressed."""
    query = update.callback_query
    assert query is not None
    await query.answer()
    await query.edit_message_text(f"{query.data} ({query.id})")  # never what stands there: that is refused


async def serve(application: Application, port: int) -> None:  # type: ignore[type-arg]
    """Take updates by webhook until the process is ended."""

    async def receive(request: Request) -> Response:
        await application.update_queue.put(Update.de_json(await request.json(), application.bot))
        return Response()

    app = Starlette(routes=[Route("/", receive, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    async with application:
        await application.start()
        await application.bot.set_webhook(f"http://127.0.0.1:{port}/")
        await server.serve()
        await application.stop()


def main(url: str, token: str, port: str = "") -> None:
    """Build the application and run it."""
    builder = ApplicationBuilder().token(token).base_url(f"{url}/bot").concurrent_updates(True)  # noqa: FBT003
    application = builder.build()
    application.add_handler(MessageHandler(filters.TEXT, echo))
    application.add_handler(CallbackQueryHandler(press))
    if port:
        asyncio.run(serve(application, int(port)))
    else:
        application.run_polling()


if __name__ == "__main__":
    main(*sys.argv[1:])
