// The membership verbs: join, leave, leaveAll, addRoomMembersToRooms, removeRoomMembersFromRooms, ids as rooms.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Server, settle } from './support.mjs';

let server;
before(async () => { server = await Server.start(); });
after(() => server.stop());

/** Each of the clients is in exactly these rooms beside its own. */
async function areIn(...expected) {
  for (const [client, ...rooms] of expected) assert.deepEqual(await client.rooms(), rooms.sort());
}

test('join and leave: the caller, any number of times, counted once', async () => {
  const client = await server.connect();
  for (let times = 0; times < 3; times += 1) await client.ok('join', { room: 'a' });
  await client.ok('join', { room: 'b' });
  await areIn([client, 'a', 'b']);
  assert.equal(await server.members('a'), 1);
  for (let times = 0; times < 3; times += 1) await client.ok('leave', { room: 'a' });
  await client.ok('leave', { room: 'never joined' });
  await areIn([client, 'b']);
  assert.equal(await server.members('a'), 0);
});

test('join and leave: sockets named by id, the caller only if it is among them', async () => {
  const [caller, ann, ben] = await server.connectAll(3);
  await caller.ok('join', { room: 'named', ids: [ann.id, ben.id, ann.id] });
  await areIn([caller], [ann, 'named'], [ben, 'named']);
  await caller.ok('join', { room: 'named', ids: [caller.id] });
  await caller.ok('leave', { room: 'named', ids: [ann.id, caller.id] });
  await areIn([caller], [ann], [ben, 'named']);
  await caller.ok('join', { room: 'named', ids: ['nobody with this id', ann.id] });
  await caller.ok('leave', { room: 'named', ids: ['nobody with this id', ben.id] });
  await areIn([ann, 'named'], [ben]);
});

test('an id of a socket that is gone is no error and joins nobody', async () => {
  const [caller, gone] = await server.connectAll(2);
  gone.socket.close();
  await server.membersBecome(gone.id, 0);
  await caller.ok('join', { room: 'ghosts', ids: [gone.id] });
  await caller.ok('leave', { room: 'ghosts', ids: [gone.id] });
  await caller.ok('addRoomMembersToRooms', { room: gone.id, to: ['ghosts'] });
  await caller.ok('leaveAll', { room: gone.id });
  await caller.ok('broadcast', { rooms: [gone.id], data: 1 });
  assert.equal(await server.members('ghosts'), 0);
});

test('leaveAll: every member leaves every room but its own, others are untouched', async () => {
  const [ann, ben, cem, caller] = await server.connectAll(4);
  for (const room of ['x', 'y', 'z']) await ann.ok('join', { room });
  for (const room of ['x', 'w']) await ben.ok('join', { room });
  for (const room of ['y', 'z', 'w']) await cem.ok('join', { room });
  await caller.ok('leaveAll', { room: 'x' });
  await areIn([ann], [ben], [cem, 'w', 'y', 'z'], [caller]);
  assert.deepEqual([await server.members('x'), await server.members('y'), await server.members('w')], [0, 1, 1]);
  await caller.ok('broadcast', { rooms: [ann.id], data: 'still reachable' });
  await settle(ann, ben);
  assert.deepEqual([ann.heard(), ben.heard()], [[['message', 'still reachable']], []]);
  await caller.ok('leaveAll', { room: 'x' });
  await caller.ok('leaveAll', { room: 'never existed' });
});

test('leaveAll of an id: that socket alone', async () => {
  const [ann, ben] = await server.connectAll(2);
  for (const client of [ann, ben]) await client.ok('join', { room: 'shared by two' });
  await ben.ok('leaveAll', { room: ann.id });
  await areIn([ann], [ben, 'shared by two']);
  assert.equal(await server.members(ann.id), 1);
});

test('addRoomMembersToRooms: a copy, not a move, and a snapshot', async () => {
  const [ann, ben, cem, late] = await server.connectAll(4);
  for (const client of [ann, ben]) await client.ok('join', { room: 'source' });
  await ben.ok('join', { room: 'first' });
  await cem.ok('join', { room: 'second' });
  await cem.ok('addRoomMembersToRooms', { room: 'source', to: ['first', 'second', 'first'] });
  await areIn([ann, 'source', 'first', 'second'], [ben, 'source', 'first', 'second'], [cem, 'second']);
  await late.ok('join', { room: 'source' });
  await areIn([late, 'source']);
  assert.equal(await server.members('first'), 2);
});

test('addRoomMembersToRooms: into itself, from nowhere, among others', async () => {
  const [ann, ben] = await server.connectAll(2);
  await ann.ok('join', { room: 'loop' });
  await ben.ok('addRoomMembersToRooms', { room: 'loop', to: ['loop'] });
  await ben.ok('addRoomMembersToRooms', { room: 'loop', to: ['loop', 'loop 2'] });
  await ben.ok('addRoomMembersToRooms', { room: 'nobody here', to: ['loop', 'elsewhere'] });
  await areIn([ann, 'loop', 'loop 2'], [ben]);
  assert.deepEqual([await server.members('loop'), await server.members('elsewhere')], [1, 0]);
});

test('removeRoomMembersFromRooms: the members of the source leave, the source stays', async () => {
  const [ann, ben, cem] = await server.connectAll(3);
  for (const room of ['src', 'one', 'two']) await ann.ok('join', { room });
  for (const room of ['src', 'one']) await ben.ok('join', { room });
  for (const room of ['one', 'two']) await cem.ok('join', { room });
  await cem.ok('removeRoomMembersFromRooms', { room: 'src', from: ['one', 'two', 'never existed'] });
  await areIn([ann, 'src'], [ben, 'src'], [cem, 'one', 'two']);
});

test('removeRoomMembersFromRooms: from the source itself, first or last in the list', async () => {
  const [ann, ben] = await server.connectAll(2);
  for (const list of [['self', 'other'], ['other', 'self'], ['self']]) {
    for (const client of [ann, ben]) for (const room of ['self', 'other']) await client.ok('join', { room });
    await ann.ok('removeRoomMembersFromRooms', { room: 'self', from: list });
    const left = list.length === 1 ? ['other'] : [];
    await areIn([ann, ...left], [ben, ...left]);
    await ann.ok('leaveAll', { room: 'other' });
  }
  assert.equal(await server.members('self'), 0);
});

test('a socket id is a room with one member, for every verb', async () => {
  const [ann, ben] = await server.connectAll(2);
  assert.equal(await server.members(ann.id), 1);
  await ben.ok('addRoomMembersToRooms', { room: ann.id, to: ['by id', 'by id too'] });
  await areIn([ann, 'by id', 'by id too'], [ben]);
  await ben.ok('removeRoomMembersFromRooms', { room: ann.id, from: ['by id'] });
  await areIn([ann, 'by id too'], [ben]);
  await ben.ok('broadcast', { rooms: [ann.id], event: 'direct', data: { to: 'ann' } });
  await settle(ann, ben);
  assert.deepEqual([ann.heard(), ben.heard()], [[['direct', { to: 'ann' }]], []]);
});

test("another socket's id is private: nobody joins it", async () => {
  const [ann, ben, cem] = await server.connectAll(3);
  await ben.refused('join', { room: ann.id });
  await ben.refused('join', { room: ann.id, ids: [ben.id, cem.id] });
  await ben.ask('addRoomMembersToRooms', { room: ben.id, to: [ann.id] }); // either answer: a part may be refused
  await ben.ok('leave', { room: ann.id });
  await areIn([ann], [ben], [cem]);
  assert.equal(await server.members(ann.id), 1);
  await cem.ok('broadcast', { rooms: [ann.id], data: 'secret' });
  await settle(ann, ben, cem);
  assert.deepEqual([ann.heard().length, ben.heard().length, cem.heard().length], [1, 0, 0]);
});

test('joining and leaving its own id changes nothing and is no error', async () => {
  const client = await server.connect();
  await client.ok('join', { room: client.id });
  await client.ok('leave', { room: client.id });
  await client.ok('leave', { room: client.id, ids: [client.id] });
  await client.ok('removeRoomMembersFromRooms', { room: client.id, from: [client.id] });
  await areIn([client]);
  assert.equal(await server.members(client.id), 1);
  await client.ok('broadcast', { rooms: [client.id], data: 'here' });
  await settle(client);
  assert.deepEqual(client.heard(), [['message', 'here']]);
});

test('a call is in force before its answer: seen over HTTP and by other sockets at once', async () => {
  const [ann, ben] = await server.connectAll(2);
  for (let round = 0; round < 50; round += 1) {
    await ann.ok('join', { room: 'at once' });
    assert.equal(await server.members('at once'), 1);
    await ben.ok('broadcast', { rooms: ['at once'], data: round });
    await ann.ok('leave', { room: 'at once' });
    await ben.ok('broadcast', { rooms: ['at once'], data: 'too late' });
  }
  await settle(ann);
  assert.deepEqual(ann.heard(), Array.from({ length: 50 }, (_, round) => ['message', round]));
});

test('a thousand rooms for one socket; beyond the limit a reason, and the connection stays', async () => {
  const former = await server.restingStats();
  const client = await server.connect();
  const asked = Array.from({ length: 1100 }, (_, index) => `many ${index}`);
  const outcomes = await Promise.all(asked.map((room) => client.ask('join', { room })));
  assert.ok(outcomes.slice(0, 1000).every(({ ok }) => ok), 'a thousand rooms fit');
  const refused = outcomes.filter(({ ok }) => !ok);
  assert.ok(refused.length > 0, 'the limit of rooms holds');
  for (const { error } of refused) assert.match(error, /room/);
  assert.equal((await client.rooms()).length, 1100 - refused.length);
  await client.ok('leaveAll', { room: 'many 0' });
  await areIn([client]);
  client.socket.close();
  await server.statsBecome(former);
});
