// What the live page's raw panes do: a connection each, rooms, talk, members, the eight verbs.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { Server, eventually, settle } from '../node/support.mjs';
import { LivePage, launchBrowser } from './support.mjs';

let server;
let browser;
let idle;
let live;
before(async () => {
  server = await Server.start();
  idle = await server.restingStats();
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await server?.statsBecome(idle);
  await server?.stop();
});
beforeEach(async () => { live = await LivePage.open(browser, server); });
afterEach(async () => {
  await live.close();
  // The browser may keep a connection for its next page, but no socket.
  await eventually(async () => assert.deepEqual({ ...await server.stats(), tcp: idle.tcp }, idle), 'counters after the page was closed');
});

test('the panes are two sockets', async () => {
  const [a, b] = [await live.a.id(), await live.b.id()];
  assert.notEqual(a, b);
  assert.deepEqual([await server.members(a), await server.members(b)], [1, 1]);
  assert.equal((await server.stats()).websockets, 2);
});

test('both join a room, one talks, the other sees it once', async () => {
  await live.a.does('join', { room: 'hall' });
  await live.b.does('join', { room: 'hall' });
  assert.equal(await server.members('hall'), 2);
  const before = (await live.b.log()).length;
  await live.a.does('broadcast', { rooms: 'hall', text: 'Grüße an b 🎲' });
  await live.b.hears('Grüße an b 🎲');
  await live.b.does('getId'); // whatever was sent twice would be here by now
  assert.equal((await live.b.log()).length, before + 1);
  await live.b.does('broadcast', { rooms: 'hall', text: 'back to a' });
  await live.a.hears('back to a');
});

test('a room client of another kind and the page talk to each other', async () => {
  const client = await server.connect();
  await client.ok('join', { room: 'mixed' });
  await live.a.does('join', { room: 'mixed' });
  await live.a.does('broadcast', { rooms: 'mixed', text: 'from the page' });
  await eventually(() => client.deliveries.length > 0, 'the message of the page');
  assert.match(client.deliveries[0], /from the page/);
  await client.ok('broadcast', { rooms: ['mixed'], event: 'outside', data: { deep: ['from outside'] } });
  await live.a.hears('from outside');
  assert.match((await live.a.log()).at(-1), /outside/);
  client.socket.close();
});

test('the members of the room are shown and follow joins and leaves', async () => {
  const client = await server.connect();
  await live.a.does('join', { room: 'counted' });
  await eventually(async () => assert.match(await live.a.text('members'), /\b1\b/), 'one member');
  await live.b.does('join', { room: 'counted' });
  await client.ok('join', { room: 'counted' });
  await eventually(async () => assert.match(await live.a.text('members'), /\b3\b/), 'three members');
  await live.b.does('leave', { room: 'counted' });
  await eventually(async () => assert.match(await live.a.text('members'), /\b2\b/), 'two members');
  client.socket.close();
});

test('join and leave: a button each, with what it returned', async () => {
  await live.a.does('join', { room: 'r' });
  assert.equal(await server.members('r'), 1);
  await live.a.does('leave', { room: 'r' });
  assert.equal(await server.members('r'), 0);
});

test('leaveAll empties the rooms of every member', async () => {
  for (const room of ['x', 'y']) await live.a.does('join', { room });
  await live.b.does('join', { room: 'y' });
  await live.b.does('leaveAll', { room: 'x' });
  assert.deepEqual([await server.members('x'), await server.members('y')], [0, 1]);
});

test('broadcast to several rooms', async () => {
  await live.a.does('join', { room: 'one' });
  await live.b.does('join', { room: 'two' });
  await live.a.does('broadcast', { room: 'one', rooms: 'one, two', text: 'to both' });
  await live.a.hears('to both');
  await live.b.hears('to both');
});

test('blast reaches sockets without a room', async () => {
  const client = await server.connect();
  await live.a.does('blast', { text: 'to everybody' });
  await live.b.hears('to everybody');
  await settle(client);
  assert.match(client.deliveries.join(), /to everybody/);
  client.socket.close();
});

test('addRoomMembersToRooms and removeRoomMembersFromRooms', async () => {
  for (const pane of [live.a, live.b]) await pane.does('join', { room: 'source' });
  await live.a.does('addRoomMembersToRooms', { room: 'source', rooms: 'first,second' });
  assert.deepEqual([await server.members('first'), await server.members('second'), await server.members('source')], [2, 2, 2]);
  await live.b.does('removeRoomMembersFromRooms', { room: 'source', rooms: 'first, source' });
  assert.deepEqual([await server.members('first'), await server.members('second'), await server.members('source')], [0, 2, 0]);
});

test('getId shows the id of its pane', async () => {
  const client = await server.connect();
  await client.ok('broadcast', { rooms: [await live.a.id()], data: 'for a alone' });
  await live.a.hears('for a alone');
  await live.b.does('getId');
  assert.ok(!(await live.b.log()).some((line) => line.includes('for a alone')));
  client.socket.close();
});

test('a refusal is shown with its reason', async () => {
  const result = await live.a.press('join', { room: await live.b.id() });
  assert.match(result, /"?ok"?\s*:\s*false/);
  assert.match(result, /error/);
});

test('what others send is text, never markup', async () => {
  const client = await server.connect();
  const attack = '<img src="/nope" onerror="document.title=\'owned\'"><script>document.title="owned"</script>';
  await live.a.does('join', { room: attack });
  await client.ok('broadcast', { rooms: [attack], event: attack, data: attack });
  await client.ok('broadcast', { rooms: [attack], data: 'after it' });
  await live.a.hears('after it');
  assert.match((await live.a.log()).at(-2), /<img src=/);
  assert.notEqual(await live.page.title(), 'owned');
  assert.equal(await live.page.locator('[data-pane] img, [data-pane] script').count(), 0);
  client.socket.close();
});

test('when the server goes the page says so', async () => {
  const other = await Server.start();
  const page = await LivePage.open(browser, other);
  await other.stop();
  for (const pane of [page.a, page.b]) await eventually(async () => assert.notEqual((await pane.text('status')).trim(), 'connected'), 'the status');
  await page.context.close(); // attempts to reconnect may stand in its console
});
