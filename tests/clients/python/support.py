"""What the Python suites need: the server as a process, a room client on `websockets`, and waiting for conditions.

Nothing sleeps for a fixed time. That something did not arrive is known after `settle`: answers and deliveries reach a
socket in the order in which they were sent.
"""

import asyncio
import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

from websockets.asyncio.client import connect

# Seconds that a condition may take: far longer than ever seen, so that a busy machine fails no test.
DEADLINE = 30.0

STATS = ("tcp", "engine", "sockets", "websockets", "rooms", "memberships")

_SETTINGS = ("PORT", "HOST", "PING_INTERVAL", "PING_TIMEOUT", "CONNECT_TIMEOUT", "MAX_PAYLOAD", "HEAD_TIMEOUT", "LANES",
             "ORIGINS", "LOG", "DRAIN", "TLS_CERT", "TLS_KEY")
_BANNER = re.compile(r"roomcast \S+ on http://(\S+):(\d+), \d+ lanes?$")


class Server:
    """A running `roomcast-server` on a free port, with these settings and no others."""

    def __init__(self, **settings):
        environment = {name: value for name, value in os.environ.items() if name not in _SETTINGS}
        environment.update({"PORT": "0", **{name: str(value) for name, value in settings.items()}})
        self._log = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen([_binary()], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                         stderr=self._log, text=True)
        banner = self._process.stdout.readline()
        found = _BANNER.match(banner)
        if not found:
            self._process.kill()
            raise AssertionError(f"no banner but {banner!r}; {self.log()}")
        self.host, self.port = found[1], int(found[2])

    @property
    def pid(self):
        return self._process.pid

    def log(self):
        """What the server wrote to its log so far."""
        self._log.seek(0)
        return self._log.read()

    def stop(self):
        """Ends it as an operator would; it has to go in peace and without a panic."""
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            code = "still running"
        finally:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()
        log = self.log()
        self._log.close()
        assert code == 0 and "panicked at" not in log, f"exit code {code}: {log}"

    def kill(self):
        """Ends it as a crash would."""
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        self._log.close()

    def url(self, path=""):
        """The address of the server, or of something on it."""
        return f"http://{self.host}:{self.port}{path}"

    def get(self, path):
        """One request on a connection of its own: status and body."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=DEADLINE)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def stats(self):
        """The six counters."""
        everything = json.loads(self.get("/stats")[1])
        return {key: everything[key] for key in STATS}

    def resting_stats(self):
        """The counters once they stand still: a test before may have left a connection on its last way."""
        agreeing = [self.stats()]
        while len(agreeing) < 3:
            time.sleep(0.02)
            latest = self.stats()
            agreeing = [*agreeing, latest] if latest == agreeing[-1] else [latest]
        return agreeing[-1]

    def connect(self, path="/ws", **options):
        """A connection of the library, unlimited in what it takes."""
        return connect(f"ws://{self.host}:{self.port}{path}", max_size=None, compression=None, proxy=None, **options)

    @contextlib.asynccontextmanager
    async def clients(self, count):
        """Room clients that have been greeted; their connections end with the block."""
        async with contextlib.AsyncExitStack() as stack:
            yield [Client(await stack.enter_async_context(self.connect())).start() for _ in range(count)]


class Client:
    """A client of the room protocol. `heard()` gives the deliveries since the last call."""

    def __init__(self, connection):
        self.connection = connection
        self.id = None
        self._deliveries = []
        self._waiting = {}
        self._last_id = 0
        self._greeted = asyncio.get_running_loop().create_future()

    def start(self):
        self._reading = asyncio.ensure_future(self._read())
        return self

    async def _read(self):
        error = ConnectionError("the connection ended before a reply")
        try:
            async for text in self.connection:
                self._take(json.loads(text))
        except Exception as failure:  # whatever ends the connection is what the waiting ones hear
            error = failure
        for waiting in [self._greeted, *self._waiting.values()]:
            if not waiting.done():
                waiting.set_exception(error)

    def _take(self, message):
        if "reply" in message:
            self._waiting.pop(message.pop("reply")).set_result(message)
        elif message["event"] == "hello" and self.id is None:
            self.id = message["data"]["id"]
            self._greeted.set_result(None)
        else:
            self._deliveries.append((message["event"], message["data"]))

    async def ask(self, op, **arguments):
        """Sends a request and returns its reply without the id. A trailing `_` keeps clear of Python's keywords."""
        await self._greeted
        self._last_id += 1
        request = {"id": self._last_id, "op": op, **{name.rstrip("_"): value for name, value in arguments.items()}}
        self._waiting[self._last_id] = reply = asyncio.get_running_loop().create_future()
        await self.connection.send(json.dumps(request))
        return await asyncio.wait_for(reply, DEADLINE)

    async def ok(self, op, **arguments):
        """A request that has to succeed; returns the rest of its reply."""
        reply = await self.ask(op, **arguments)
        assert reply.pop("ok") is True, f"{op} {arguments}: {reply}"
        return reply

    async def refused(self, op, **arguments):
        """A request that has to be refused; returns the reason."""
        reply = await self.ask(op, **arguments)
        assert reply.pop("ok") is False, f"{op} {arguments} was accepted"
        return reply["error"]

    async def rooms(self):
        """The rooms it is in, its own aside."""
        rooms = (await self.ok("rooms"))["rooms"]
        assert self.id in rooms, "the own-id room is missing"
        return sorted(room for room in rooms if room != self.id)

    def heard(self):
        heard, self._deliveries = self._deliveries, []
        return heard


async def settle(*clients):
    """Everything sent to these clients so far has arrived when this returns."""
    await asyncio.gather(*(client.ok("getId") for client in clients))


async def eventually(what, check, seconds=DEADLINE):
    """Waits until `check()`, which may block for a moment, is true."""
    end = time.monotonic() + seconds
    while not await asyncio.to_thread(check):
        assert time.monotonic() < end, f"not within {seconds} s: {what()}"
        await asyncio.sleep(0.02)


async def stats_become(server, wanted, seconds=DEADLINE):
    """Waits until the counters are these."""
    await eventually(lambda: f"{server.stats()} is not {wanted}", lambda: server.stats() == wanted, seconds)


def _binary():
    root = pathlib.Path(__file__).resolve().parents[3]
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    places = [os.environ.get("ROOMCAST_SERVER"), target / "release/roomcast-server", target / "debug/roomcast-server"]
    for place in places:
        if place and pathlib.Path(place).exists():
            return str(place)
    raise AssertionError("no server to test: cargo build --release -p roomcast-server")
