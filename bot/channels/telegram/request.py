"""HTTP for python-telegram-bot on aiohttp: its own httpx client costs up to 4 ms of CPU a call.

The token is part of every Bot API address. It is known to this class alone: python-telegram-bot asks for
"/sendMessage" and the real address is put together here, so neither its logs nor its errors can show it.
"""

import json
from http import HTTPStatus
from typing import Any

import aiohttp
from telegram._utils.defaultvalue import DefaultValue
from telegram._utils.types import ODVInput
from telegram.error import NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData
from telegram.request._requestparameter import RequestParameter
from yarl import URL

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
CONNECTIONS = 128

_HEADERS = {"Content-Type": "application/json", "User-Agent": BaseRequest.USER_AGENT}
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
        body = json.dumps(request_data.parameters).encode() if request_data else b"{}"
        seconds = READ_SECONDS if isinstance(read_timeout, DefaultValue) else read_timeout
        try:
            async with self._session.request(
                method, self._address(url), data=body, headers=_HEADERS, timeout=self._timeout(seconds)
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
