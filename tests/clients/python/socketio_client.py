"""A python-socketio client that keeps what it hears, for the suites of Socket.IO."""

import asyncio
import contextlib
import logging

import socketio

from support import DEADLINE

# How a client may be connected; with both it begins with polling and moves over to WebSocket.
TRANSPORTS = {"websocket": ["websocket"], "polling": ["polling"], "upgrade": ["polling", "websocket"]}

# The library answers heartbeats by itself and tells nobody but its log.
_PING = "Received packet PING"


class Client(socketio.AsyncClient):
    """Answers each `question` with its arguments. Everything else that a namespace sends waits in `heard(namespace)`."""

    def __init__(self, **options):
        self._pings = _Count(_PING)
        super().__init__(handle_sigint=False, reconnection_delay=0.05, randomization_factor=0, engineio_logger=self._pings.logger,
                         request_timeout=DEADLINE, **options)
        self._heard = {}
        for event in ("connect", "disconnect", "connect_error"):
            self.on(event, lambda namespace, *details, event=event: self._keep(namespace, event, *details), namespace="*")
        self.on("question", lambda namespace, *arguments: arguments, namespace="*")
        self.on("*", lambda event, namespace, *arguments: self._keep(namespace, event, *arguments), namespace="*")

    @property
    def pings(self):
        """How many heartbeats have come."""
        return self._pings.count

    def _keep(self, namespace, *event):
        self._queue(namespace).put_nowait(event)

    def _queue(self, namespace):
        return self._heard.setdefault(namespace, asyncio.Queue())

    async def heard(self, namespace="/"):
        """The next event with its arguments, as a tuple."""
        return await asyncio.wait_for(self._queue(namespace).get(), DEADLINE)

    async def heard_nothing(self, namespace="/"):
        """Whether nothing is left to hear: what was sent before this question is there when it is answered."""
        await self.ask("settled", namespace=namespace)
        return self._queue(namespace).empty()

    async def ask(self, *arguments, namespace="/"):
        """What the server acknowledges `message-with-ack` with: the arguments, in a list."""
        acked = asyncio.get_running_loop().create_future()
        await self.emit("message-with-ack", arguments, namespace=namespace, callback=lambda *answer: acked.set_result(list(answer)))
        return await asyncio.wait_for(acked, DEADLINE)


@contextlib.asynccontextmanager
async def connected(server, transport="websocket", namespaces=("/",), auth=None, **options):
    """A client that is connected and has been sent its `auth`; it leaves with the block."""
    client = Client(**options)
    try:
        await client.connect(server.url(), auth=auth, transports=TRANSPORTS[transport], namespaces=list(namespaces), wait_timeout=DEADLINE)
        for namespace in namespaces:
            assert await client.heard(namespace) == ("connect",)
            assert await client.heard(namespace) == ("auth", auth or {})
        yield client
    finally:
        await client.shutdown()


class _Count:
    """Counts the lines of a log that begin with a text."""

    def __init__(self, text):
        self.count = 0
        self._text = text
        self.logger = logging.Logger("heartbeats", logging.INFO)
        self.logger.addFilter(self._look)

    def _look(self, record):
        self.count += record.getMessage().startswith(self._text)
        return False
