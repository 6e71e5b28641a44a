"""Many connections: opened, used, reset; and connections that never say what they want."""

import asyncio
import json
import os
import resource
import socket
import struct
import time
import unittest

from support import DEADLINE, Server, eventually, stats_become

WANTED = 10_000
HEAD_TIMEOUT_MS = 2000

_HANDSHAKE = (b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")


def setUpModule():
    global server
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # the server, a child, inherits it
    server = Server(HEAD_TIMEOUT=HEAD_TIMEOUT_MS, PING_INTERVAL=600_000)  # pings would be frames to expect


def tearDownModule():
    server.stop()


def connections_possible():
    """10,000, or what the limit of files allows; then it says so."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard - 1000 >= WANTED:
        return WANTED
    print(f"{hard - 1000} connections instead of {WANTED}: the hard limit of files is {hard}", flush=True)
    return hard - 1000


def text_frame(text):
    """A short masked text frame; the mask of zeros leaves the payload as it is."""
    payload = text.encode()
    assert len(payload) < 126
    return bytes((0x81, 0x80 | len(payload), 0, 0, 0, 0)) + payload


def read_frames(connection, buffered=b""):
    """The next frames of the server, as texts, for as long as it is asked."""
    while True:
        while len(buffered) < 2 or len(buffered) < 2 + buffered[1]:
            more = connection.recv(4096)
            assert more, "the server ended a connection"
            buffered += more
        assert buffered[0] == 0x81 and buffered[1] < 126, f"only short texts are expected here, not {buffered[:20]!r}"
        end = 2 + buffered[1]
        frame, buffered = buffered[2:end], buffered[end:]
        yield frame.decode()


def open_member(room):
    """A connection that was upgraded, greeted and has joined a room: the socket and its frames to come."""
    connection = socket.create_connection((server.host, server.port), timeout=DEADLINE)
    connection.sendall(_HANDSHAKE)
    head = b""
    while b"\r\n\r\n" not in head:
        more = connection.recv(4096)
        assert more, f"the server ended a handshake after {head!r}"
        head += more
    head, _, rest = head.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101"), head
    frames = read_frames(connection, rest)
    assert next(frames).startswith('{"event":"hello"')
    connection.sendall(text_frame(json.dumps({"op": "join", "room": room})))
    assert next(frames) == '{"reply":null,"ok":true}'
    return connection, frames


def reset(connection):
    """Ends a connection with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Crowd(unittest.TestCase):
    def test_thousands_opened_served_and_reset_leave_nothing(self):
        former, count = server.resting_stats(), connections_possible()
        rooms = 100
        members = []
        try:
            for number in range(count):
                members.append(open_member(f"crowd {number % rooms}"))
            self.assertEqual(server.stats(), {**former, "tcp": former["tcp"] + count, "websockets": count,
                                              "rooms": count + rooms, "memberships": 2 * count})
            sender, _ = members[0]
            sender.sendall(text_frame('{"op":"blast","event":"all","data":1}'))
            for connection, frames in members:
                heard = next(frames)
                if connection is sender and heard.startswith('{"reply"'):
                    heard = next(frames)
                self.assertEqual(heard, '{"event":"all","data":1}')
        finally:
            for connection, _ in members:
                reset(connection)
        asyncio.run(stats_become(server, former))

    def test_opening_and_resetting_in_rounds_leaves_nothing(self):
        former, descriptors = server.resting_stats(), _descriptors()
        for _ in range(10):
            members = [open_member("round") for _ in range(200)]
            for connection, _ in members:
                reset(connection)
        asyncio.run(stats_become(server, former))
        asyncio.run(eventually(lambda: f"{_descriptors()} descriptors, {descriptors} before", lambda: _descriptors() <= descriptors + 8))


class HalfOpen(unittest.TestCase):
    """A connection without a complete request head ends within HEAD_TIMEOUT, whatever it dribbles."""

    # The timeout, and what a busy machine may add.
    SECONDS = HEAD_TIMEOUT_MS / 1000 + 10

    def check_ends(self, starts, dribble=None):
        former = server.resting_stats()
        opened = time.monotonic()
        connections = [socket.create_connection((server.host, server.port)) for _ in range(200)]
        for number, connection in enumerate(connections):
            connection.sendall(starts[number % len(starts)])
            connection.setblocking(False)
        left = set(connections)
        while left:
            self.assertLess(time.monotonic() - opened, self.SECONDS, f"{len(left)} of {len(connections)} connections are open")
            left = {connection for connection in left if _is_open(connection, dribble)}
            time.sleep(0.1)
        self.assertGreater(time.monotonic() - opened, HEAD_TIMEOUT_MS / 1000 * 0.5, "they ended before their time")
        for connection in connections:
            connection.close()
        asyncio.run(stats_become(server, former))

    def test_silent_from_the_start(self):
        self.check_ends([b""])

    def test_silent_in_the_middle_of_a_head(self):
        self.check_ends([b"G", b"GET / HTTP/1.1", b"GET / HTTP/1.1\r\n", b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: webso", _HANDSHAKE[:-2], b"\r\n"])

    def test_a_byte_now_and_then(self):
        self.check_ends([b"GET / HTTP/1.1\r\nX: "], dribble=b"x")

    def test_served_meanwhile(self):
        former = server.resting_stats()
        silent = [socket.create_connection((server.host, server.port)) for _ in range(500)]
        try:
            connection, frames = open_member("meanwhile")
            connection.sendall(text_frame('{"id":1,"op":"broadcast","rooms":["meanwhile"],"data":2}'))
            self.assertEqual({next(frames), next(frames)}, {'{"reply":1,"ok":true}', '{"event":"message","data":2}'})
            connection.close()
        finally:
            for connection in silent:
                connection.close()


def _is_open(connection, dribble):
    try:
        if dribble:
            connection.send(dribble)
        while connection.recv(4096):
            pass  # an answer such as 408 may come before the end
        return False
    except BlockingIOError:
        return True
    except OSError:
        return False


def _descriptors():
    return len(os.listdir(f"/proc/{server.pid}/fd"))


if __name__ == "__main__":
    unittest.main()
