// Every operation with every kind of wrong argument: refused with a reason, nothing changed, connection stays.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RESERVED, Server } from './support.mjs';

let server;
before(async () => { server = await Server.start(); });
after(() => server.stop());

const NO_STRING = [null, true, false, 0, 1, 1.5, [], ['home'], {}, { room: 'home' }];
const NO_NAME = ['', ...NO_STRING];
const NO_LIST = [null, true, 0, 1, '', 'home', {}, { 0: 'home' }];
const NO_NAMES = [...NO_LIST, [], ['home', ''], [null], [1], [['home']], [{}], ['home', null]];
const NO_EVENT = ['', ...NO_STRING, ...RESERVED];
const NO_BOOLEAN = [0, 1, '', 'yes', [], {}];

/** `[what, op, the arguments that are refused]` */
const WRONG = [
  ['join, room', 'join', [{}, ...NO_NAME.map((room) => ({ room }))]],
  ['join, ids', 'join', NO_NAMES.map((ids) => ({ room: 'home', ids }))],
  ['leave, room', 'leave', [{}, ...NO_NAME.map((room) => ({ room }))]],
  ['leave, ids', 'leave', NO_NAMES.map((ids) => ({ room: 'home', ids }))],
  ['leaveAll, room', 'leaveAll', [{}, ...NO_NAME.map((room) => ({ room }))]],
  ['broadcast, room', 'broadcast', [{}, { data: 1 }, ...NO_NAME.map((room) => ({ room, data: 1 }))]],
  ['broadcast, rooms', 'broadcast', NO_NAMES.map((rooms) => ({ rooms, data: 1 }))],
  ['broadcast, event', 'broadcast', NO_EVENT.map((event) => ({ rooms: ['home'], event, data: 1 }))],
  ['broadcast, omit', 'broadcast', NO_BOOLEAN.map((omit) => ({ rooms: ['home'], omit, data: 1 }))],
  ['broadcast, once', 'broadcast', NO_BOOLEAN.map((once) => ({ rooms: ['home'], once, data: 1 }))],
  ['blast, event', 'blast', NO_EVENT.map((event) => ({ event, data: 1 }))],
  ['blast, omit', 'blast', NO_BOOLEAN.map((omit) => ({ omit, data: 1 }))],
  ['addRoomMembersToRooms, room', 'addRoomMembersToRooms', [{ to: ['away'] }, ...NO_NAME.map((room) => ({ room, to: ['away'] }))]],
  ['addRoomMembersToRooms, to', 'addRoomMembersToRooms', [{ room: 'home' }, ...NO_NAMES.map((to) => ({ room: 'home', to }))]],
  ['removeRoomMembersFromRooms, room', 'removeRoomMembersFromRooms', [{ from: ['home'] }, ...NO_NAME.map((room) => ({ room, from: ['home'] }))]],
  ['removeRoomMembersFromRooms, from', 'removeRoomMembersFromRooms', [{ room: 'home' }, ...NO_NAMES.map((from) => ({ room: 'home', from }))]],
];

for (const [what, op, cases] of WRONG) {
  test(`${what}: wrong kinds are refused and change nothing`, async () => {
    const [client, witness] = await server.connectAll(2);
    await client.ok('join', { room: 'home' });
    await witness.ok('join', { room: 'home' });
    for (const args of cases) await client.refused(op, args);
    assert.deepEqual(await client.rooms(), ['home']);
    assert.deepEqual(await witness.rooms(), ['home']);
    assert.deepEqual([client.heard(), witness.heard()], [[], []]);
    client.socket.close();
    witness.socket.close();
    await server.membersBecome('home', 0);
  });
}

test('an operation that is missing, unknown or no string is refused', async () => {
  const client = await server.connect();
  const unknown = ['', 'nope', 'JOIN', 'join ', 'getid', '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'then', 'x'.repeat(100_000)];
  for (const op of [...unknown, null, true, 1, [], ['join'], {}]) await client.refused(op, { room: 'home', data: 1 });
  assert.match(await client.exchange('{"id":"none","room":"home"}'), /^\{"reply":"none","ok":false,"error":"/);
  assert.deepEqual(await client.rooms(), []);
});

test('reasons name what was wrong', async () => {
  const client = await server.connect();
  assert.match(await client.refused('nope'), /nope|op/);
  assert.match(await client.refused('join', {}), /room/);
  assert.match(await client.refused('join', { room: 'home', ids: [] }), /ids/);
  assert.match(await client.refused('broadcast', { data: 1 }), /room/);
  assert.match(await client.refused('blast', { event: 'disconnect' }), /event|disconnect/);
  assert.match(await client.refused('addRoomMembersToRooms', { room: 'home' }), /to/);
  assert.match(await client.refused('removeRoomMembersFromRooms', { room: 'home' }), /from/);
});

test('arguments that an operation does not have are ignored', async () => {
  const client = await server.connect();
  await client.ok('getId', { room: 7, ids: 'x' });
  await client.ok('rooms', { rooms: null });
  await client.ok('join', { room: 'home', event: 'disconnect', omit: 'yes', to: [] });
  await client.ok('leaveAll', { room: 'home', ids: [] });
  assert.deepEqual(await client.rooms(), []);
});

test('a refused operation in a pipeline leaves its neighbours alone', async () => {
  const client = await server.connect();
  const outcomes = await Promise.all([
    client.ask('join', { room: 'first' }),
    client.ask('join', { room: '' }),
    client.exchange('no JSON').then(JSON.parse),
    client.ask('join', { room: 'second' }),
    client.ask('broadcast', { rooms: [] }),
    client.ask('rooms'),
  ]);
  assert.deepEqual(outcomes.map(({ ok }) => ok), [true, false, false, true, false, true]);
  assert.deepEqual(await client.rooms(), ['first', 'second']);
});
