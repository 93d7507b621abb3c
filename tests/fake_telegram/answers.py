"""Answers shaped as the Bot API gives them, and the parameters of calls as it takes them."""

import json
from functools import cache
from typing import Any

from aiohttp import web

Json = dict[str, Any]

_JSON_FIELDS = frozenset(
    {
        "allowed_updates", "commands", "entities", "link_preview_options", "reply_markup", "reply_parameters",
        "scope",
    }
)  # fmt: skip


def result(value: Any) -> web.Response:
    """Return the answer to a call that was carried out."""
    return _response(_encoded({"ok": True, "result": value}), 200)


def refusal(status: int, description: str, parameters: Json | None = None) -> web.Response:
    """Return the answer to a call that was not."""
    extra = {"parameters": parameters} if parameters else {}
    return _response(
        _encoded({"ok": False, "error_code": status, "description": description, **extra}), status
    )


def too_many_requests(retry_after: int) -> web.Response:
    """Return the answer to a call that came too soon."""
    return _response(_too_many_requests(retry_after), 429)


def control(report: Json, status: int = 200) -> web.Response:
    """Return an answer that is not the Bot API's."""
    return _response(_encoded(report), status)


async def params_of(request: web.BaseRequest) -> Json:
    """Return a call's parameters, given as JSON, as a form or as multipart."""
    if request.content_type == "application/json":
        params: Json = json.loads(await request.read() or b"{}")
        return params
    form = await request.post()
    return {
        key: json.loads(value) if key in _JSON_FIELDS and isinstance(value, str) else value
        for key, value in form.items()
    }


@cache
def _too_many_requests(seconds: int) -> bytes:
    description = f"Too Many Requests: retry after {seconds}"
    parameters = {"retry_after": seconds}
    return _encoded({"ok": False, "error_code": 429, "description": description, "parameters": parameters})


def _encoded(body: Json) -> bytes:
    return json.dumps(body).encode()


def _response(body: bytes, status: int) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json")
