"""HTTP for python-telegram-bot on aiohttp: its own httpx client costs up to 4 ms of CPU a call.

The token is part of every Bot API address. It is known to this class alone: python-telegram-bot asks for
"/sendMessage" and the real address is put together here, so neither its logs nor its errors can show it.
"""

import json
from http import HTTPStatus
from io import BytesIO
from typing import Any
from urllib.parse import quote

import aiohttp
from telegram import InputFile
from telegram._utils.defaultvalue import DefaultValue
from telegram._utils.types import ODVInput
from telegram.error import NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData
from telegram.request._requestparameter import RequestParameter
from yarl import URL

from bot.channel import TooBig

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
CONNECTIONS = 128

_AGENT = {"User-Agent": BaseRequest.USER_AGENT}
_JSON = {"Content-Type": "application/json", **_AGENT}
_NOT_OPENED = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientConnectorCertificateError,
    aiohttp.ClientConnectorSSLError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
)


class NotSent(NetworkError):
    """No connection could be opened: Telegram has not seen the request."""


class Broken(NetworkError):
    """The server broke off in the middle: it may have carried the call out or not."""


class NoAnswer(TimedOut):
    """The request went out and no answer came back: Telegram may have carried it out."""


class AiohttpRequest(BaseRequest):
    """Carries Bot API calls over one pool of connections to `api_url`.

    Raises `NotSent` while Telegram cannot have seen a request, `NoAnswer` or `Broken` once it may have.
    """

    def __init__(self, token: str, api_url: str) -> None:
        self._base = f"{api_url.rstrip('/')}/bot{token}"
        self._files = f"{api_url.rstrip('/')}/file/bot{token}"
        self._urls: dict[str, URL] = {}
        self._timeouts: dict[float, aiohttp.ClientTimeout] = {}
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        """How many seconds to wait for an answer unless a call says otherwise."""
        return READ_SECONDS

    async def initialize(self) -> None:
        """Open the pool; a second call changes nothing."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
            )

    async def shutdown(self) -> None:
        """Close the pool; a second call changes nothing."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def call(self, method: str, body: dict[str, Any], seconds: float = READ_SECONDS) -> Any:
        """Call a Bot API method with plain JSON and return its plain result; raises TelegramError.

        `Bot` itself looks into every value of a call for objects of its own, which takes as long as the rest.
        """
        parameters = [RequestParameter(name, value, None) for name, value in body.items()]
        return await self.post(f"/{method}", RequestData(parameters), read_timeout=seconds)

    async def upload(self, method: str, body: dict[str, Any], field: str, file: tuple[str, bytes]) -> Any:
        """Call a method with a file in one of its fields, given as name and bytes; raises TelegramError."""
        name, data = file
        content = RequestParameter(field, None, [InputFile(data, name)])
        others = [RequestParameter(key, value, None) for key, value in body.items()]
        return await self.post(f"/{method}", RequestData([*others, content]))

    async def download(self, path: str, limit: int) -> bytes:
        """Return the file at a path that getFile told; raises TooBig or TelegramError.

        Its address holds the token (Bot API, getFile), so nothing of an error but its name is kept.
        """
        if self._session is None:
            raise NotSent("the connections to Telegram are closed")
        url = URL(f"{self._files}/{quote(path)}", encoded=True)
        try:
            async with self._session.get(url, timeout=self._timeout(READ_SECONDS)) as response:
                if response.status != HTTPStatus.OK:
                    raise TelegramError(f"a file was answered with {response.status}")
                return await _read(response, limit)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise NoAnswer(f"no file from Telegram ({type(error).__name__})") from None

    async def do_request(  # noqa: PLR0913, PLR0917 - the signature is python-telegram-bot's
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE,
        write_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE,  # noqa: ARG002
        connect_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE,  # noqa: ARG002
        pool_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE,  # noqa: ARG002
    ) -> tuple[int, bytes]:
        """Call the Bot API method `url` ("/sendMessage") and return the HTTP status and the body."""
        if self._session is None:
            raise NotSent("the connections to Telegram are closed")
        body, headers = _encoded(request_data)
        seconds = READ_SECONDS if isinstance(read_timeout, DefaultValue) else read_timeout
        try:
            async with self._session.request(
                method, self._address(url), data=body, headers=headers, timeout=self._timeout(seconds)
            ) as response:
                status, answer = response.status, await response.read()
        except _NOT_OPENED as error:
            # The error's own text may hold the address and with it the token: only its name is kept.
            raise NotSent(f"no connection to Telegram ({type(error).__name__})") from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise NoAnswer(f"no answer from Telegram ({type(error).__name__})") from None
        if status == HTTPStatus.GATEWAY_TIMEOUT:
            # The gateway passed the request on and did not wait for the outcome.
            raise NoAnswer("no answer from Telegram (504)")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.SERVICE_UNAVAILABLE:
            # RFC 9110, 15.6: only with 503 a server says that it did not take the request.
            raise Broken(f"Telegram is in trouble ({status})")
        return status, answer

    @staticmethod
    def parse_json_payload(payload: bytes) -> Any:
        """Return an answer's JSON; raises TelegramError. python-telegram-bot's own would log the answer."""
        try:
            return json.loads(payload.decode(errors="replace"))
        except (RecursionError, ValueError):
            raise TelegramError("Telegram's answer is no JSON") from None

    def _address(self, url: str) -> URL:
        address = self._urls.get(url)
        if address is None:
            address = self._urls[url] = URL(self._base + url)
        return address

    def _timeout(self, seconds: Any) -> aiohttp.ClientTimeout:
        timeout = self._timeouts.get(seconds)
        if timeout is None:
            timeout = aiohttp.ClientTimeout(connect=CONNECT_SECONDS, sock_read=seconds)
            self._timeouts[seconds] = timeout
        return timeout


def _encoded(data: RequestData | None) -> tuple[bytes | aiohttp.FormData, dict[str, str]]:
    """Return the body of a call and its headers: JSON, or a form when a file is in it."""
    if data is None or not data.contains_files:
        return json.dumps(data.parameters if data is not None else {}).encode(), _JSON
    form = aiohttp.FormData(quote_fields=False)  # Telegram takes a name as it is, in UTF-8
    for name, value in data.json_parameters.items():
        form.add_field(name, value)
    for name, (file_name, content, mimetype) in data.multipart_data.items():
        stream = BytesIO(content) if isinstance(content, bytes) else content
        form.add_field(name, stream, filename=file_name, content_type=mimetype)
    return form, _AGENT


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Return a body; raises TooBig once it has more than `limit` bytes."""
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > limit:
            raise TooBig
    return bytes(data)
