"""Socket.IO as python-socketio speaks it: over WebSocket, over polling, and over both one after the other."""

import asyncio
import queue
import resource
import unittest

import socketio

from socketio_client import TRANSPORTS, Client, connected
from support import DEADLINE, Server, eventually, settle, stats_become

CROWD = 300

# Arguments that are easily spoilt on their way: text beyond ASCII, separators of payloads, numbers at their limits, bytes in depths.
ARGUMENTS = [
    [],
    [None],
    ["text", 1, -2.5, True, {"deep": [[], {}, ""]}],
    ["Grüße 🎲", "\x1e", "\u2028\u0000", '"\\', 2**53, {"ключ": "間"}],
    [b"", b"\x00\xff\x04b", bytes(range(256))],
    [{"in": {"a": [b"one", {"b": b"two"}]}}, "between", b"three"],
]


def setUpModule():
    global server
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # the server, a child, inherits it
    server = Server()


def tearDownModule():
    server.stop()


class _Suite(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        asyncio.get_running_loop().set_debug(False)  # unittest turns it on; it makes every step several times slower
        self.former = server.resting_stats()

    async def asyncTearDown(self):
        await stats_become(server, self.former)


class _EveryTransport:
    """What holds however the client is connected."""

    def connected(self, **options):
        return connected(server, self.transport, **options)

    async def test_connects_and_is_counted_until_it_leaves(self):
        async with self.connected() as client:
            self.assertEqual(client.transport(), TRANSPORTS[self.transport][-1])
            self.assertNotEqual(client.get_sid(), client.eio.sid)
            counted = {"engine": 1, "sockets": 1, "rooms": 1, "memberships": 1}
            now = server.stats()
            self.assertEqual({key: now[key] - self.former[key] for key in counted}, counted)
            self.assertEqual(server.get(f"/rooms/{client.get_sid()}"), (200, f'{{"room":"{client.get_sid()}","members":1}}'))

    async def test_auth_reaches_the_server(self):
        async with self.connected(auth={"token": "Grüße 🎲", "deep": {"list": [1, None]}}):
            pass  # heard while it connected

    async def test_events_come_back(self):
        async with self.connected() as client:
            for arguments in ARGUMENTS:
                await client.emit("message", tuple(arguments))
                self.assertEqual(await client.heard(), ("message-back", *arguments))
            await client.emit("nobody-knows-this", "x")
            self.assertTrue(await client.heard_nothing())

    async def test_the_server_acknowledges(self):
        async with self.connected() as client:
            for arguments in ARGUMENTS:
                self.assertEqual(await client.ask(*arguments), arguments)
            self.assertEqual(await client.call("message-with-ack", "one", timeout=DEADLINE), "one")
            self.assertEqual(await client.call("message-with-ack", ("one", b"two"), timeout=DEADLINE), ("one", b"two"))
            self.assertIsNone(await client.call("message-with-ack", timeout=DEADLINE))

    async def test_the_client_acknowledges(self):
        async with self.connected() as client:
            for arguments in ARGUMENTS:
                await client.emit("ask-me", tuple(arguments))
                self.assertEqual(await client.heard(), ("answer", *arguments))

    async def test_many_questions_at_once_each_get_their_answer(self):
        async with self.connected() as client:
            answers = await asyncio.gather(*(client.ask(number, b"%d" % number) for number in range(100)))
            self.assertEqual(answers, [[number, b"%d" % number] for number in range(100)])

    async def test_namespaces_share_a_connection(self):
        async with self.connected(namespaces=("/", "/custom"), auth={"for": "both"}) as client:
            self.assertEqual(len({client.get_sid("/"), client.get_sid("/custom"), client.eio.sid}), 3)
            for namespace in ("/custom", "/"):
                await client.emit("message", (namespace, b"bytes"), namespace=namespace)
                self.assertEqual(await client.heard(namespace), ("message-back", namespace, b"bytes"))
                await client.emit("ask-me", (namespace, b"bytes"), namespace=namespace)
                self.assertEqual(await client.heard(namespace), ("answer", namespace, b"bytes"))
                self.assertEqual(await client.ask(namespace, namespace=namespace), [namespace])
            for namespace in ("/custom", "/"):
                self.assertTrue(await client.heard_nothing(namespace))
            self.assertEqual(server.stats()["engine"], self.former["engine"] + 1)

    async def test_a_namespace_alone(self):
        async with self.connected(namespaces=("/custom",)) as client:
            await client.emit("message", "alone", namespace="/custom")
            self.assertEqual(await client.heard("/custom"), ("message-back", "alone"))
            self.assertEqual(server.stats()["sockets"], self.former["sockets"], "sockets of / are counted, and it has none")

    async def test_an_unknown_namespace_is_refused_and_the_connection_stays(self):
        client = Client()
        await client.connect(server.url(), transports=TRANSPORTS[self.transport], namespaces=["/", "/nope"], wait=False)
        try:
            self.assertEqual(await client.heard("/nope"), ("connect_error", {"message": "Invalid namespace"}))
            self.assertEqual([await client.heard(), await client.heard()], [("connect",), ("auth", {})])
            self.assertEqual(await client.ask("still here"), ["still here"])
        finally:
            await client.shutdown()

    async def test_connecting_to_an_unknown_namespace_alone_fails(self):
        with self.assertRaises(socketio.exceptions.ConnectionError):
            async with self.connected(namespaces=("/nope",)):
                pass

    async def test_the_server_disconnects_one_namespace_of_two(self):
        async with self.connected(namespaces=("/", "/custom")) as client:
            await client.emit("disconnect-me", namespace="/custom")
            self.assertEqual(await client.heard("/custom"), ("disconnect", "server disconnect"))
            self.assertEqual(await client.ask("the other stays"), ["the other stays"])
            self.assertEqual(server.stats()["sockets"], self.former["sockets"] + 1)

    async def test_the_server_disconnects_the_last_namespace(self):
        async with self.connected() as client:
            await client.emit("disconnect-me")
            self.assertEqual(await client.heard(), ("disconnect", "server disconnect"))
            await eventually(lambda: client.eio.state, lambda: client.eio.state == "disconnected")

    async def test_two_hundred_messages_at_once_arrive_in_order(self):
        # While polling the library sends them in one payload, but gives up on an answer of more than 16 packets.
        async with self.connected() as client:
            await asyncio.gather(*(client.emit("message", number) for number in range(200)))
            self.assertEqual([await client.heard() for _ in range(200)], [("message-back", number) for number in range(200)])

    async def test_attachments_stay_with_their_messages_wherever_a_payload_ends(self):
        # Three packets each: 16 is no multiple.
        def arguments(number):
            return number, b"first %d" % number, {"second": b"second %d" % number}

        async with self.connected() as client:
            await asyncio.gather(*(client.emit("message", arguments(number)) for number in range(100)))
            self.assertEqual([await client.heard() for _ in range(100)], [("message-back", *arguments(number)) for number in range(100)])

    async def test_large_messages(self):
        async with self.connected() as client:
            for large in (bytes(range(256)) * 2_500, "ä🎲xx" * 40_000):
                self.assertEqual(await client.ask(large), [large])

    async def test_rooms_are_shared_with_raw_websockets(self):
        async with self.connected() as client, server.clients(1) as (raw,):
            await raw.ok("join", room="both")
            await raw.ok("join", room="both", ids=[client.get_sid()])
            await raw.ok("broadcast", rooms=["both"], event="said", data={"to": "both"})
            await raw.ok("broadcast", rooms=[client.get_sid()], data=None)
            self.assertEqual([await client.heard(), await client.heard()], [("said", {"to": "both"}), ("message", None)])
            await settle(raw)
            self.assertEqual(raw.heard(), [("said", {"to": "both"})])

    async def test_two_hundred_messages_of_another_arrive_in_order(self):
        async with self.connected() as client, server.clients(1) as (raw,):
            await asyncio.gather(*(raw.ok("broadcast", rooms=[client.get_sid()], data=number) for number in range(200)))
            self.assertEqual([await client.heard() for _ in range(200)], [("message", number) for number in range(200)])

    async def test_heartbeats_keep_it_connected(self):
        hasty = Server(PING_INTERVAL=100, PING_TIMEOUT=5000)
        try:
            async with connected(hasty, self.transport) as client:
                await eventually(lambda: f"{client.pings} pings", lambda: client.pings >= 5)
                self.assertEqual(await client.ask("still here"), ["still here"])
        finally:
            hasty.stop()

    async def test_it_comes_back_after_the_server_has_crashed(self):
        await self.check_comes_back_after(Server.kill)

    async def check_comes_back_after(self, end):
        servers = [Server()]
        client = Client()
        try:
            await client.connect(lambda: servers[-1].url(), transports=TRANSPORTS[self.transport], wait_timeout=DEADLINE)
            self.assertEqual([await client.heard(), await client.heard()], [("connect",), ("auth", {})])
            servers.append(Server())
            await asyncio.to_thread(end, servers.pop(0))
            self.assertEqual((await client.heard())[0], "disconnect")
            self.assertEqual([await client.heard(), await client.heard()], [("connect",), ("auth", {})])
            self.assertEqual(await client.ask("as before"), ["as before"])
        finally:
            await client.shutdown()
            for each in servers:
                each.stop()


class _EndsOnWebSocket(_EveryTransport):
    """While polling the server ends a connection with a packet, and whoever gets that does not come back with this library."""

    async def test_it_comes_back_after_the_server_was_stopped(self):
        await self.check_comes_back_after(Server.stop)

    async def test_it_comes_back_after_the_server_has_closed_the_connection(self):
        async with self.connected(namespaces=("/", "/custom"), auth={"again": True}) as client:
            former = client.get_sid()
            await client.eio.send("9 is no packet type")
            for namespace in ("/", "/custom"):
                self.assertEqual((await client.heard(namespace))[0], "disconnect")
                self.assertEqual([await client.heard(namespace), await client.heard(namespace)], [("connect",), ("auth", {"again": True})])
            self.assertNotEqual(client.get_sid(), former)
            self.assertEqual(await client.ask(b"as before"), [b"as before"])
            self.assertEqual(client.transport(), TRANSPORTS[self.transport][-1])
            await eventually(server.stats, lambda: server.stats()["engine"] == self.former["engine"] + 1)


class OverWebSocket(_EndsOnWebSocket, _Suite):
    transport = "websocket"


class AfterUpgrade(_EndsOnWebSocket, _Suite):
    transport = "upgrade"


class OverPolling(_EveryTransport, _Suite):
    transport = "polling"


class Crowd(_Suite):
    async def test_hundreds_at_once(self):
        transports = list(TRANSPORTS)
        ready, leave = asyncio.Barrier(CROWD + 1), asyncio.Event()

        async def member(number):
            async with connected(server, transports[number % len(transports)]) as client:
                await ready.wait()
                self.assertEqual(await client.ask(number, b"bytes"), [number, b"bytes"])
                self.assertEqual(await client.heard(), ("all", "together"))
                await ready.wait()
                await leave.wait()

        async with server.clients(1) as (raw,):
            members = asyncio.gather(*(member(number) for number in range(CROWD)))
            for step in ("connected", "served"):
                await _reached(ready, members)
                if step == "connected":
                    self.assertEqual(server.stats()["engine"], self.former["engine"] + CROWD)
                    self.assertEqual(server.stats()["sockets"], self.former["sockets"] + CROWD)
                    await raw.ok("blast", event="all", data="together")
            leave.set()
            await members


async def _reached(barrier, members):
    """Waits at the barrier, or fails as the first of the members that fails."""
    here = asyncio.ensure_future(barrier.wait())
    await asyncio.wait([here, members], timeout=4 * DEADLINE, return_when=asyncio.FIRST_COMPLETED)
    if members.done():
        await members
    assert here.done(), f"{barrier.n_waiting} of {barrier.parties} have come so far"


class Blocking(unittest.TestCase):
    """The library's other client, on threads, with HTTP and WebSocket of other packages."""

    def test_events_and_acks_both_ways(self):
        former = server.resting_stats()
        for name, transports in TRANSPORTS.items():
            with self.subTest(name):
                self.check(transports)
        asyncio.run(stats_become(server, former))

    def check(self, transports):
        heard = queue.Queue()
        client = socketio.Client(handle_sigint=False, request_timeout=DEADLINE)
        client.on("question", lambda *arguments: arguments)
        client.on("*", lambda *event: heard.put(event))
        client.connect(server.url(), transports=transports, auth={"who": "threads"}, wait_timeout=DEADLINE)
        try:
            self.assertEqual(client.transport(), transports[-1])
            self.assertEqual(heard.get(timeout=DEADLINE), ("auth", {"who": "threads"}))
            for arguments in ARGUMENTS:
                client.emit("message", tuple(arguments))
                self.assertEqual(heard.get(timeout=DEADLINE), ("message-back", *arguments))
                client.emit("ask-me", tuple(arguments))
                self.assertEqual(heard.get(timeout=DEADLINE), ("answer", *arguments))
            self.assertEqual(client.call("message-with-ack", ("one", b"two"), timeout=DEADLINE), ("one", b"two"))
        finally:
            client.disconnect()


if __name__ == "__main__":
    unittest.main()
