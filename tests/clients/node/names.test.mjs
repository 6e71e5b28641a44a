// Room names: any non-empty Unicode text of at least 400 characters, the same over WebSocket and HTTP.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Server, settle } from './support.mjs';

let server;
before(async () => { server = await Server.start(); });
after(() => server.stop());

const NAMES = ['x', ' ', '  two spaces  ', 'a/b', 'sl/ash/', '..', '.', '?q=1#h', '100%', '%2F', 'a,b', 'a;b', '"quoted"', "it's", 'back\\slash', 'tab\tline\nfeed', '\u0000',
  'null', 'undefined', 'true', '0', '[]', '{}', '__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'everybody', '*', '#', '/', '',
  'Zürich', '日本語の部屋', 'комната', 'غرفة', 'अतिथि', '🎲', '👩‍👩‍👧‍👦', '\u202eright to left', 'zero\u200bwidth', '\ufeff', '\u{10ffff}', 'é', 'e\u0301', 'É']
  .filter((name) => name !== '');

test('every name is a room of its own: joined, listed, counted, reached, left', async () => {
  const [member, caller] = await server.connectAll(2);
  for (const room of NAMES) await member.ok('join', { room });
  assert.deepEqual(await member.rooms(), [...NAMES].sort());
  for (const room of NAMES) await caller.ok('broadcast', { rooms: [room], data: room });
  await settle(member);
  assert.deepEqual(member.heard(), NAMES.map((room) => ['message', room]));
  for (const room of NAMES.filter((name) => name !== '.' && name !== '..')) {
    const { status, body } = await server.request(`/rooms/${encodeURIComponent(room)}`);
    assert.deepEqual([status, body], [200, JSON.stringify({ room, members: 1 })]);
  }
  for (const room of NAMES) await member.ok('leave', { room });
  assert.deepEqual(await member.rooms(), []);
});

test('names are compared as they are: case, composition and white space count', async () => {
  const client = await server.connect();
  for (const [joined, ...others] of [['Room', 'room', 'ROOM', 'Room ', ' Room'], ['\u00e9', 'e\u0301'], ['ﬁ', 'fi'], ['1', '01', '1.0']]) {
    await client.ok('join', { room: joined });
    for (const other of others) await client.ok('broadcast', { rooms: [other], data: other });
    await client.ok('broadcast', { rooms: [joined], data: joined });
    await settle(client);
    assert.deepEqual(client.heard(), [['message', joined]]);
  }
});

test('escapes in JSON are the characters they stand for', async () => {
  const client = await server.connect();
  assert.equal(await client.exchange('{"id":1,"op":"join","room":"\\u005a\\u00fcri\\ud83c\\udfb2\\/"}'), '{"reply":1,"ok":true}');
  assert.deepEqual(await client.rooms(), ['Züri🎲/']);
});

for (const [script, letter] of [['Latin', 'a'], ['Greek', 'λ'], ['Chinese', '間'], ['emoji', '🎲']]) {
  test(`400 characters of ${script} are a name, and one letter more or less is another`, async () => {
    const [member, caller] = await server.connectAll(2);
    const room = letter.repeat(400);
    await member.ok('join', { room });
    await caller.ok('addRoomMembersToRooms', { room, to: [`${letter.repeat(399)}!`] });
    await caller.ok('broadcast', { rooms: [room], data: 1 });
    await caller.ok('broadcast', { rooms: [letter.repeat(399)], data: 2 });
    await settle(member);
    assert.deepEqual(member.heard(), [['message', 1]]);
    assert.equal(await server.members(room), 1);
    assert.deepEqual((await member.rooms()).length, 2);
  });
}

test('a name beyond the limit is refused wherever it stands, with the limit in the reason', async () => {
  const former = await server.restingStats();
  const client = await server.connect();
  const long = 'x'.repeat(100_000);
  await client.ok('join', { room: 'short' });
  assert.match(await client.refused('join', { room: long }), /name/);
  assert.match(await client.refused('join', { room: long, ids: [client.id] }), /name/);
  await client.ask('addRoomMembersToRooms', { room: 'short', to: [long] }); // refused as a whole or in this part
  await client.ask('broadcast', { rooms: [long, 'short'], data: 1 }); // a room that cannot be has no member
  await client.ask('leave', { room: long });
  assert.deepEqual(await client.rooms(), ['short']);
  client.socket.close();
  await server.statsBecome(former);
});
