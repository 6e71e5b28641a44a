"""Every verb of the room protocol through a second client library."""

import asyncio
import json
import unittest

from support import Server, eventually, settle, stats_become


def setUpModule():
    global server
    server = Server()


def tearDownModule():
    server.stop()


class Rooms(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        asyncio.get_running_loop().set_debug(False)  # unittest turns it on; it makes every step several times slower
        self.former = server.resting_stats()

    async def asyncTearDown(self):
        await stats_become(server, self.former)

    async def test_hello_and_get_id(self):
        async with server.connect() as connection:
            hello = json.loads(await connection.recv())
            self.assertEqual(hello["event"], "hello")
            await connection.send('{"id":[1],"op":"getId"}')
            self.assertEqual(await connection.recv(), f'{{"reply":[1],"ok":true,"socket":"{hello["data"]["id"]}"}}')

    async def test_join_and_leave(self):
        async with server.clients(2) as (ann, ben):
            await ann.ok("join", room="a")
            await ann.ok("join", room="a")
            await ann.ok("join", room="b", ids=[ann.id, ben.id])
            self.assertEqual((await ann.rooms(), await ben.rooms()), (["a", "b"], ["b"]))
            self.assertEqual(server.get("/rooms/b"), (200, '{"room":"b","members":2}'))
            await ben.ok("leave", room="b", ids=[ann.id])
            await ann.ok("leave", room="a")
            await ann.ok("leave", room="a")
            self.assertEqual((await ann.rooms(), await ben.rooms()), ([], ["b"]))

    async def test_leave_all(self):
        async with server.clients(3) as (ann, ben, cem):
            for client, rooms in ((ann, "xyz"), (ben, "xw"), (cem, "yz")):
                for room in rooms:
                    await client.ok("join", room=room)
            await cem.ok("leaveAll", room="x")
            self.assertEqual([await client.rooms() for client in (ann, ben, cem)], [[], [], ["y", "z"]])

    async def test_add_and_remove_room_members(self):
        async with server.clients(3) as (ann, ben, cem):
            for client in (ann, ben):
                await client.ok("join", room="source")
            await cem.ok("addRoomMembersToRooms", room="source", to=["one", "two"])
            await cem.ok("addRoomMembersToRooms", room=cem.id, to=["two"])
            self.assertEqual([await client.rooms() for client in (ann, ben, cem)],
                             [["one", "source", "two"], ["one", "source", "two"], ["two"]])
            await cem.ok("removeRoomMembersFromRooms", room="two", from_=["one"])
            await cem.ok("removeRoomMembersFromRooms", room="source", from_=["source"])
            self.assertEqual([await client.rooms() for client in (ann, ben, cem)], [["two"], ["two"], ["two"]])

    async def test_broadcast(self):
        async with server.clients(3) as (ann, ben, outsider):
            for client, rooms in ((ann, ("r", "s")), (ben, ("r",))):
                for room in rooms:
                    await client.ok("join", room=room)
            await ann.ok("broadcast", rooms=["r"], event="said", data={"text": "Grüße 🎲"})
            await ann.ok("broadcast", rooms=["r", "s"], data=1)
            await ann.ok("broadcast", rooms=["r", "s"], data=2, once=True)
            await ann.ok("broadcast", rooms=["r", "s"], data=3, omit=True)
            await outsider.ok("broadcast", room="s", data=4)
            await outsider.ok("broadcast", rooms=[ben.id])
            await settle(ann, ben, outsider)
            said = ("said", {"text": "Grüße 🎲"})
            self.assertEqual(ann.heard(), [said, ("message", 1), ("message", 1), ("message", 2), ("message", 4)])
            self.assertEqual(ben.heard(), [said, ("message", 1), ("message", 2), ("message", 3), ("message", None)])
            self.assertEqual(outsider.heard(), [])

    async def test_blast(self):
        async with server.clients(4) as clients:
            await clients[0].ok("blast", event="all", data=[1, None])
            await clients[0].ok("blast", data="others", omit=True)
            await settle(*clients)
            self.assertEqual(clients[0].heard(), [("all", [1, None])])
            for client in clients[1:]:
                self.assertEqual(client.heard(), [("all", [1, None]), ("message", "others")])

    async def test_refusals_leave_the_connection(self):
        async with server.clients(2) as (ann, ben):
            for op, arguments in (("nope", {}), ("join", {}), ("join", {"room": 1}), ("join", {"room": ben.id}),
                                  ("leave", {"room": "a", "ids": []}), ("leaveAll", {"room": ""}),
                                  ("broadcast", {"rooms": [], "data": 1}), ("blast", {"event": "disconnect"}),
                                  ("addRoomMembersToRooms", {"room": "a", "to": "b"}),
                                  ("removeRoomMembersFromRooms", {"room": "a"})):
                self.assertTrue(await ann.refused(op, **arguments), f"{op} {arguments} gives no reason")
            self.assertEqual((await ann.rooms(), await ben.rooms()), ([], []))

    async def test_names(self):
        names = ["sl/ash", "__proto__", "Zürich 🎲", "間" * 400, "\u0000", " "]
        async with server.clients(2) as (ann, ben):
            for room in names:
                await ann.ok("join", room=room)
                await ben.ok("broadcast", rooms=[room], data=room)
            self.assertEqual(await ann.rooms(), sorted(names))
            await settle(ann)
            self.assertEqual(ann.heard(), [("message", room) for room in names])
            self.assertEqual(server.get("/rooms/sl%2Fash"), (200, '{"room":"sl/ash","members":1}'))

    async def test_disconnects(self):
        async with server.clients(1) as (stays,):
            await stays.ok("join", room="shared")
            async with server.clients(4) as leavers:
                for client in leavers:
                    await client.ok("join", room="shared")
                leavers[0].connection.transport.abort()
                leavers[1].connection.transport.write_eof()
                await leavers[2].connection.close(4000, "bye")
                await eventually(lambda: server.get("/rooms/shared"), lambda: '"members":2' in server.get("/rooms/shared")[1])
            await eventually(lambda: server.get("/rooms/shared"), lambda: '"members":1' in server.get("/rooms/shared")[1])
            await stays.ok("broadcast", rooms=["shared"], data="alone")
            await settle(stays)
            self.assertEqual(stays.heard(), [("message", "alone")])

    async def test_order_of_each_sender_at_every_member(self):
        count = 200
        async with server.clients(6) as clients:
            for client in clients:
                await client.ok("join", room="order")

            async def send(sender):
                await asyncio.gather(*(clients[sender].ok("broadcast", rooms=["order"], event=str(sender), data=number)
                                       for number in range(count)))

            await asyncio.gather(*(send(sender) for sender in range(3)))
            await settle(*clients)
            for client in clients:
                heard = client.heard()
                self.assertEqual(len(heard), 3 * count)
                for sender in range(3):
                    self.assertEqual([data for event, data in heard if event == str(sender)], list(range(count)))

    async def test_fragmented_requests(self):
        async with server.connect() as connection:
            await connection.recv()
            request = json.dumps({"id": "ü" * 50, "op": "join", "room": "in parts 🎲"}, ensure_ascii=False)
            await connection.send(list(request))
            self.assertEqual(await connection.recv(), json.dumps({"reply": "ü" * 50, "ok": True}, ensure_ascii=False, separators=(",", ":")))


if __name__ == "__main__":
    unittest.main()
