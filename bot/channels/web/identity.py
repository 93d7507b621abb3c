"""Who writes in the web chat, and whether the request comes from our own page.

A person is a long random cookie. The store sees only its hash, so that a stolen database opens no chat.
"""

import hashlib
import ipaddress
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

COOKIE_AGE: Final = 365 * 24 * 3600
"""How long a browser keeps a person's cookie, in seconds; every visit renews it."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


class Identities:
    """Reads and writes the cookie that makes a browser a person."""

    def __init__(self, public_url: str | None) -> None:
        """Take the chat's public address, None when there is none but the one it is asked at."""
        split = urlsplit(public_url or "")
        self._origin = f"{split.scheme}://{split.netloc}".lower() if public_url else None

    def address(self, request: Request) -> str | None:
        """Return the address of the person who asks: the cookie's SHA-256; None without a sound cookie."""
        token = request.cookies.get(self._cookie_name(request), "")
        return _address_of(token) if _TOKEN.fullmatch(token) else None

    def welcome(self, request: Request) -> tuple[str, str]:
        """Return the cookie's value that the person has or now gets, and the address it stands for."""
        token = request.cookies.get(self._cookie_name(request), "")
        if not _TOKEN.fullmatch(token):
            token = secrets.token_urlsafe(32)
        return token, _address_of(token)

    def remember(self, request: Request, response: Response, token: str) -> None:
        """Set or renew the cookie."""
        response.set_cookie(
            self._cookie_name(request),
            token,
            max_age=COOKIE_AGE,
            httponly=True,
            samesite="lax",
            secure=self._is_secure(request),
        )

    def is_own(self, request: Request) -> bool:
        """Return whether the request was made by our page or by hand, not by another site's page."""
        if request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
            return False
        origin = request.headers.get("origin")
        if origin is None:
            return True
        # A proxy may end TLS before us: the scheme we see need not be the browser's.
        own_host = request.headers.get("host", "").lower()
        return origin.lower() == self._origin or _host_of(origin.lower()) == own_host != ""

    def _is_secure(self, request: Request) -> bool:
        return request.url.scheme == "https" or (self._origin or "").startswith("https:")

    def _cookie_name(self, request: Request) -> str:
        # "__Host-" makes the browser refuse the name from a subdomain or over plain http.
        return "__Host-aglomeracja" if self._is_secure(request) else "aglomeracja"


def _host_of(origin: str) -> str:
    """Return an origin's host and port, "" for what is no address."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _address_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class Newcomers:
    """Limits how many new people may begin to write from one network within a window of time.

    Its memory is bounded: the networks and people seen longest ago are forgotten, which at worst lets a
    network begin anew or counts an old acquaintance as new.
    """

    MAX_REMEMBERED: Final = 20_000

    def __init__(self, limit: int, window: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Take how many newcomers a network may send in `window` seconds."""
        self._limit = limit
        self._window = window
        self._clock = clock
        self._known: OrderedDict[str, None] = OrderedDict()
        self._used: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def admit(self, address: str, client: str) -> bool:
        """Return whether this person may write; a new one uses up one place of the client's network."""
        if address not in self._known and not self._take(_network(client)):
            return False
        self._known[address] = None
        self._known.move_to_end(address)
        if len(self._known) > self.MAX_REMEMBERED:
            self._known.popitem(last=False)
        return True

    def _take(self, network: str) -> bool:
        now = self._clock()
        began, count = self._used.get(network, (now, 0))
        if now - began >= self._window:
            began, count = now, 0
        self._used[network] = (began, count + 1)
        self._used.move_to_end(network)
        if len(self._used) > self.MAX_REMEMBERED:
            self._used.popitem(last=False)
        return count < self._limit


def _network(client: str) -> str:
    """Return what one subscriber holds: an IPv4 address, or the 64-bit prefix of an IPv6 one."""
    try:
        ip = ipaddress.ip_address(client)
    except ValueError:
        return client
    return client if ip.version == 4 else str(ipaddress.ip_network(f"{ip}/64", strict=False))  # noqa: PLR2004
