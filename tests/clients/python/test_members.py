"""The verbs of rooms as python-socketio asks for them, on members of its own kind and on raw WebSockets alike."""

import asyncio
import contextlib
import unittest

from socketio_client import connected
from support import DEADLINE, Server, eventually, stats_become


def setUpModule():
    global server
    server = Server()


def tearDownModule():
    server.stop()


class Members(unittest.IsolatedAsyncioTestCase):
    """Two raw WebSockets, one client over WebSocket and one over polling, who are all in the room `mixed`."""

    async def asyncSetUp(self):
        asyncio.get_running_loop().set_debug(False)
        self.former = server.resting_stats()
        self.stack = contextlib.AsyncExitStack()
        self.addAsyncCleanup(self._left)
        self.raw = await self.stack.enter_async_context(server.clients(2))
        self.web = await self.stack.enter_async_context(connected(server))
        self.poll = await self.stack.enter_async_context(connected(server, "polling"))
        self.ids = [client.id for client in self.raw] + [self.web.get_sid(), self.poll.get_sid()]
        await self.ask("put", "/rooms/mixed/members", {"ids": self.ids})

    async def _left(self):
        await self.stack.aclose()
        await stats_become(server, self.former)

    async def ask(self, method, url, data=None, status=200):
        """The body of the answer to a request over the WebSocket of `web`."""
        answered = asyncio.get_running_loop().create_future()
        request = {"method": method, "url": url, "data": data, "headers": {}}
        await self.web.emit(method, request, callback=answered.set_result)
        answer = await asyncio.wait_for(answered, DEADLINE)
        self.assertEqual((list(answer), answer["statusCode"]), (["body", "headers", "statusCode"], status), answer)
        return answer["body"]

    async def members(self, room):
        return (await self.ask("get", f"/rooms/{room}"))["members"]

    async def each_hears(self, event, data, copies=1, but=()):
        """Each member hears it so often, those in `but` not at all; and nothing else."""
        for client in (self.web, self.poll):
            for _ in range(0 if client in but else copies):
                self.assertEqual(await client.heard(), (event, data))
            self.assertTrue(await client.heard_nothing())
        for client in self.raw:
            await client.ok("getId")
            self.assertEqual(client.heard(), [(event, data)] * (0 if client in but else copies))

    async def test_a_broadcast_reaches_all_kinds(self):
        await self.ask("post", "/rooms/mixed/messages", {"event": "news", "data": {"a": [1, None]}})
        await self.each_hears("news", {"a": [1, None]})
        await self.ask("post", "/rooms/mixed/messages", {"data": "to others", "omit": True})
        await self.each_hears("message", "to others", but=(self.web,))
        await self.ask("post", "/blast", {"event": "all", "data": 0})
        await self.each_hears("all", 0)

    async def test_one_copy_a_room_or_one_a_socket(self):
        self.assertEqual(await self.ask("post", "/rooms/mixed/copy", {"to": ["one", "two"]}), {"ok": True})
        self.assertEqual([await self.members(room) for room in ("mixed", "one", "two")], [4, 4, 4])
        await self.ask("post", "/messages", {"rooms": ["one", "two"], "data": 1})
        await self.each_hears("message", 1, copies=2)
        await self.ask("post", "/messages", {"rooms": ["one", "two"], "data": 2, "once": True})
        await self.each_hears("message", 2)

    async def test_bulk_verbs_move_all_kinds(self):
        await self.ask("post", "/rooms/mixed/copy", {"to": ["one", "two"]})
        await self.ask("post", "/rooms/mixed/remove", {"from": ["one"]})
        self.assertEqual([await self.members(room) for room in ("mixed", "one", "two")], [4, 0, 4])
        await self.ask("post", "/rooms/two/clear")
        self.assertEqual([await self.members(room) for room in ("mixed", "two")], [0, 0])
        self.assertEqual([await self.members(own) for own in self.ids], [1, 1, 1, 1])
        self.assertEqual((await self.ask("get", "/me/rooms"))["rooms"], [self.web.get_sid()])

    async def test_join_and_leave_by_ids(self):
        some = [self.ids[0], self.ids[3]]
        await self.ask("delete", "/rooms/mixed/members", {"ids": some})
        self.assertEqual(await self.members("mixed"), 2)
        await self.ask("put", "/rooms/mixed/members", {"ids": [*some, *some, "nobody"]})
        self.assertEqual(await self.members("mixed"), 4)
        await self.ask("post", f"/rooms/{self.ids[0]}/messages", {"data": "direct"})
        await self.raw[0].ok("getId")
        self.assertEqual(self.raw[0].heard(), [("message", "direct")])

    async def test_who_leaves_is_no_member(self):
        await self.poll.disconnect()
        await eventually(lambda: "the one that left is a member", lambda: server.get("/rooms/mixed")[1].endswith('"members":3}'))


if __name__ == "__main__":
    unittest.main()
