"""The RFC 6455 echo at /ws/echo, alone and beside busy room clients on the same server."""

import asyncio
import os
import unittest

from support import DEADLINE, Server, settle, stats_become


def setUpModule():
    global server
    server = Server()


def tearDownModule():
    server.stop()


async def answer(connection):
    return await asyncio.wait_for(connection.recv(), DEADLINE)


class Echo(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        asyncio.get_running_loop().set_debug(False)  # unittest turns it on; it makes every step several times slower
        self.former = server.resting_stats()

    async def asyncTearDown(self):
        await stats_become(server, self.former)

    async def test_text_is_text_and_binary_is_binary(self):
        async with server.connect("/ws/echo") as echo:
            for message in ("", "text", "Grüße 🎲", '{"op":"getId"}', b"", b"\x00\xff\xfe", b"text"):
                await echo.send(message)
                self.assertEqual(await answer(echo), message)

    async def test_every_length_around_the_header_sizes(self):
        async with server.connect("/ws/echo") as echo:
            for size in (1, 124, 125, 126, 127, 65_534, 65_535, 65_536, 65_537, 1 << 20):
                message = os.urandom(size)
                await echo.send(message)
                self.assertEqual(await answer(echo), message)

    async def test_sixteen_mebibytes(self):
        async with server.connect("/ws/echo") as echo:
            for message in (os.urandom(16 << 20), "ä🎲xx" * (1 << 21)):
                await echo.send(message)
                received = await answer(echo)
                self.assertTrue(received == message, f"{len(message)} came back as {len(received)} others")

    async def test_fragments_come_back_as_one_message(self):
        async with server.connect("/ws/echo") as echo:
            for parts in (["a", "", "b"], [b"x" * 1000] * 1000, ["ü"] * 10_000, [""] * 100 + ["end"]):
                await echo.send(parts)
                self.assertEqual(await answer(echo), parts[0][:0].join(parts))

    async def test_pings_are_answered_also_within_a_message(self):
        async with server.connect("/ws/echo") as echo:
            pongs = [await echo.ping(f"ping {number}") for number in range(500)]
            await asyncio.wait_for(asyncio.gather(*pongs), DEADLINE)

            async def parts():
                for number in range(50):
                    yield f"part {number} "
                    await asyncio.wait_for(await echo.ping(), DEADLINE)

            await echo.send(parts())
            self.assertEqual(await answer(echo), "".join(f"part {number} " for number in range(50)))

    async def test_messages_keep_their_order(self):
        async with server.connect("/ws/echo") as echo:
            messages = [f"{number}:" + "x" * (number * 37 % 5000) for number in range(1000)]

            async def send():
                for message in messages:
                    await echo.send(message)

            sending = asyncio.ensure_future(send())
            self.assertEqual([await answer(echo) for _ in messages], messages)
            await sending

    async def test_close_codes_are_echoed(self):
        for code in (1000, 1001, 1011, 3000, 4999):
            async with server.connect("/ws/echo") as echo:
                await echo.close(code, "reason")
                self.assertEqual(echo.protocol.close_rcvd.code, code)

    async def test_nothing_is_negotiated(self):
        async with server.connect("/ws/echo", subprotocols=["chat", "superchat"]) as echo:
            self.assertIsNone(echo.subprotocol)
            self.assertNotIn("Sec-WebSocket-Extensions", echo.response.headers)

    async def test_large_echoes_beside_busy_rooms(self):
        count = 150
        async with server.clients(5) as clients, server.connect("/ws/echo") as first, server.connect("/ws/echo") as second:
            for client in clients:
                await client.ok("join", room="beside")

            async def talk(client, sender):
                for number in range(count):
                    await client.ok("broadcast", rooms=["beside"], event=str(sender), data=number)

            async def echo(connection):
                message = os.urandom(4 << 20)
                for _ in range(4):
                    await connection.send(message)
                    self.assertTrue(await answer(connection) == message)

            await asyncio.gather(talk(clients[0], 0), talk(clients[1], 1), echo(first), echo(second))
            await settle(*clients)
            for client in clients:
                heard = client.heard()
                for sender in "01":
                    self.assertEqual([data for event, data in heard if event == sender], list(range(count)))


if __name__ == "__main__":
    unittest.main()
