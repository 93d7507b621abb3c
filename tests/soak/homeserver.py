"""A server that takes messages as a Matrix homeserver does: who repeats an id repeats the message.

PUT /ID {"room": "!room1", "text": "…"} answers {"event_id": "$ID"}. Now and then the answer is lost on its
way, so that its sender has to send again.
"""

import json
import sys
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self

LOST = 40
"""The answer to every so-manyth message is lost."""


class Homeserver:
    """The server; `rooms` is what each room shows, `repeats` how often a message came once more."""

    def __init__(self) -> None:
        """Listen from now on; answer once the context is entered."""
        self.rooms: dict[str, list[str]] = defaultdict(list)
        self.repeats = 0
        self._known = set[str]()
        self._lock = Lock()
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"home": self}))
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def take(self, transaction: str, room: str, text: str) -> bool:
        """Take a message; return whether its answer arrives."""
        with self._lock:
            if transaction in self._known:
                self.repeats += 1
                return True
            self._known.add(transaction)
            self.rooms[room].append(text)
            return len(self._known) % LOST != 0

    def __enter__(self) -> Self:
        """Answer."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    """A server whose clients may be killed."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a line that was cut."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Reads one request and answers it."""

    protocol_version = "HTTP/1.1"
    home: Homeserver

    def do_PUT(self) -> None:
        """Take a message."""
        body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        transaction = self.path.removeprefix("/")
        if not self.home.take(transaction, body["room"], body["text"]):
            self.close_connection = True
            return
        answer = json.dumps({"event_id": f"${transaction}"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""
