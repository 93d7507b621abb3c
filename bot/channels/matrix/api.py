"""The Matrix client-server API over HTTP: one call, its answer as JSON, its failures by name."""

import asyncio
import json
from http import HTTPStatus
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from bot.channels.matrix.errors import BadFile, Busy, Json, LoggedOut, Refused, Unreachable

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
FILE_SECONDS = 120.0

BUSY_SECONDS = 5.0
"""How long to wait when a homeserver asks to slow down without saying for how long."""

LONGEST_WAIT = 300.0
"""A homeserver that names a longer time is asked again after this one."""

_PREFIX = "/_matrix/client/v3"
_PRESENT = frozenset({"join", "invite"})
_TOKEN_CODES = frozenset({"M_UNKNOWN_TOKEN", "M_MISSING_TOKEN"})


class Homeserver:
    """Calls the homeserver at `url` over one pool of connections, as whom the access token `token` says.

    Every call raises `Unreachable`, `Busy`, `LoggedOut` or another `Refused`.
    """

    def __init__(self, url: str) -> None:
        self._base = url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None
        self.token = ""
        self.logged_out = asyncio.Event()
        """Set when an access token was refused; whoever logs in again clears it."""

    async def close(self) -> None:
        """Let go of the connections; a later call opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def call(
        self,
        method: str,
        *path: str,
        body: Json | None = None,
        query: dict[str, str] | None = None,
        seconds: float = ANSWER_SECONDS,
    ) -> Json:
        """Call an endpoint, given as the parts of its path ("rooms", id, "join"), and return the answer."""
        url = f"{_PREFIX}/{_join(*path)}" + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else json.dumps(body).encode()
        try:
            return _read(*await self._request(method, url, data, "application/json", seconds))
        except LoggedOut:
            self.logged_out.set()
            raise

    async def upload(self, data: bytes, mimetype: str) -> str:
        """Store a file with the homeserver and return its mxc:// address."""
        answer = _read(*await self._request("POST", "/_matrix/media/v3/upload", data, mimetype, FILE_SECONDS))
        address = answer.get("content_uri")
        if not isinstance(address, str):
            raise Unreachable("an upload was answered without an address")
        return address

    async def download(self, address: str, limit: int) -> bytes:
        """Return a file by its mxc:// address; raises `BadFile` for no such address or over `limit` bytes."""
        scheme, _, rest = address.partition("://")
        server, _, media = rest.partition("/")
        if scheme != "mxc" or not server or not media:
            raise BadFile("the address of a file is none")
        url = f"/_matrix/client/v1/media/download/{_join(server, media)}"
        status, data = await self._request("GET", url, None, "", FILE_SECONDS, limit)
        if status != HTTPStatus.OK:
            _read(status, data)
        if len(data) > limit:
            raise BadFile(f"the file has more than {limit} bytes")
        return data

    async def _request(  # noqa: PLR0913, PLR0917 - what a request is made of
        self, method: str, url: str, data: bytes | None, kind: str, seconds: float, limit: int = -1
    ) -> tuple[int, bytes]:
        # The status and the body; of a body with a limit at most one byte more than that.
        headers = {"Content-Type": kind} if kind else {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS)
        try:
            async with self._open().request(
                method, URL(self._base + url, encoded=True), data=data, headers=headers, timeout=timeout
            ) as response:
                return response.status, await _body(response, limit)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            # Its text may hold the address of the homeserver and what was asked for: only its name is kept.
            raise Unreachable(f"no answer from the homeserver ({type(error).__name__})") from None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self._session


async def _body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    if limit < 0:
        return await response.read()
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > limit:
            break
    return bytes(data[: limit + 1])


def present(answer: Json) -> dict[str, str]:
    """Return who is in a room, "join" or "invite" by user id, from the answer that lists its members."""
    events, found = answer.get("chunk"), dict[str, str]()
    for event in events if isinstance(events, list) else ():
        membership = (lookup(event, "content") or {}).get("membership")
        if membership in _PRESENT:
            found[str(event.get("state_key"))] = membership
    return found


def lookup(tree: object, *path: str) -> Json | None:
    """Return the object that JSON holds under these names, None if there is none."""
    for name in path:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree if isinstance(tree, dict) else None


def entries(tree: object, *path: str) -> list[object]:
    """Return the list that JSON holds under these names, an empty one if there is none."""
    holder = lookup(tree, *path[:-1])
    found = holder.get(path[-1]) if holder else None
    return found if isinstance(found, list) else []


def _join(*parts: str) -> str:
    return "/".join(quote(part, safe="") for part in parts)


def _read(status: int, raw: bytes) -> Json:
    # The answer of a call; raises what it says is wrong.
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):
        answer = None
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or not isinstance(answer, dict):
        raise Unreachable(f"the homeserver answered {status}")
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return answer
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise Busy(answer, _wait(answer))
    if str(answer.get("errcode")) in _TOKEN_CODES:
        raise LoggedOut(answer)
    raise Refused(status, answer)


def _wait(answer: Json) -> float:
    milliseconds = answer.get("retry_after_ms")
    if not isinstance(milliseconds, int | float) or isinstance(milliseconds, bool):
        return BUSY_SECONDS
    return min(max(milliseconds / 1000, 0.1), LONGEST_WAIT)
