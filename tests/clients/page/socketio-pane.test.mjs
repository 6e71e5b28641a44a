// What the live page's third pane does: a Socket.IO socket, beside the raw ones and in the same rooms.

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

/** The id that the pane shows. */
const id = async (pane) => (await pane.text('id')).trim();

/** The pane's packets so far, pings aside. */
async function packets(pane) {
  await pane.root.locator('details').evaluate((details) => { details.open = true; });
  return pane.out('frames').locator('li').allInnerTexts();
}

test('it is a socket of Socket.IO, with an id of its own', async () => {
  assert.match(await id(live.c), /^[A-Za-z0-9_-]{20}$/);
  assert.equal(await server.members(await id(live.c)), 1);
  const { engine, sockets } = await server.stats();
  assert.deepEqual([engine, sockets], [1, 1]);
});

test('it authenticates with what is in its field', async () => {
  await live.c.hears('{"name":"C"}');
  const former = await id(live.c);
  await live.c.verb('connection').click();
  await live.c.becomes('status', 'disconnected');
  await live.c.field('auth').fill('{"token": "Grüße"}');
  await live.c.verb('connection').click();
  await live.c.becomes('status', 'connected');
  await live.c.hears('{"token":"Grüße"}');
  assert.notEqual(await id(live.c), former);
});

test('what a raw pane broadcasts to a room reaches it once it was joined', async () => {
  await live.a.does('join', { room: 'hall' });
  await live.c.does('join', { room: 'hall' });
  assert.equal(await server.members('hall'), 2);
  await live.b.does('broadcast', { rooms: 'hall', text: 'Grüße an alle 🎲', event: 'said' });
  for (const pane of [live.a, live.c]) {
    await pane.hears('Grüße an alle 🎲');
    assert.match((await pane.log()).at(-1), /said/);
  }
  await live.c.does('leave', { room: 'hall' });
  assert.equal(await server.members('hall'), 1);
});

test('verbs of the raw panes move it, and reach it by its id', async () => {
  await live.a.does('addRoomMembersToRooms', { room: await id(live.c), rooms: 'one, two' });
  assert.deepEqual([await server.members('one'), await server.members('two')], [1, 1]);
  await live.b.does('broadcast', { rooms: await id(live.c), text: 'for c alone' });
  await live.c.hears('for c alone');
  await live.b.does('leaveAll', { room: 'one' });
  assert.deepEqual([await server.members('one'), await server.members('two')], [0, 0]);
  await live.b.does('blast', { text: 'to everybody' });
  for (const pane of [live.a, live.b, live.c]) await pane.hears('to everybody');
});

test('its rooms are shown, and follow what others do with it', async () => {
  const shown = () => live.c.out('members').locator('li.in').allInnerTexts();
  const rooms = (...wanted) => eventually(async () => assert.deepEqual((await shown()).map((text) => text.replace(/\s+/g, ' ')), wanted), 'rooms');
  await rooms();
  await live.c.does('join', { room: 'hall' });
  await rooms('hall 1 member');
  await live.a.does('join', { room: 'hall' });
  await rooms('hall 2 members');
  await live.a.does('addRoomMembersToRooms', { room: await id(live.c), rooms: 'another' });
  await rooms('another 1 member', 'hall 2 members');
  await live.b.does('leaveAll', { room: 'another' });
  await rooms();
});

test('it sends events with any arguments', async () => {
  assert.equal(await live.c.press('emit', { args: '"one", 2, {"three": [4, null]}' }), 'sent');
  await live.c.hears('one, 2, {"three":[4,null]}');
  await live.c.press('emit', { args: '' });
  await live.c.hears('message-back');
});

test('it shows what the server acknowledges', async () => {
  await live.c.field('ack').check();
  await live.c.press('emit', { event: 'message-with-ack', args: '"Grüße", {"n": 1}' });
  await live.c.becomes('result', '["Grüße",{"n":1}]');
  await live.c.press('emit', { args: '' });
  await live.c.becomes('result', '[]');
});

test('it can make the requests of Sails', async () => {
  await live.c.field('ack').check();
  await live.c.press('emit', { event: 'get', args: '{"url": "/me"}' });
  await eventually(async () => assert.deepEqual(JSON.parse(await live.c.text('result'))[0].body, { id: await id(live.c) }), 'the body of the answer');
});

test('it acknowledges what the server asks', async () => {
  await live.c.press('emit', { event: 'ask-me', args: '"who", [1]' });
  await live.c.hears('who, [1]');
  await eventually(async () => assert.match((await live.c.log()).at(-1), /answer/), 'the answer');
  assert.match((await live.c.log()).at(-2), /question/);
});

test('the server can disconnect it, and it comes back when it is told to', async () => {
  await live.c.press('emit', { event: 'disconnect-me', args: '' });
  await live.c.becomes('status', 'disconnected by the server');
  assert.equal(await live.c.verb('emit').isEnabled(), false);
  await eventually(async () => assert.deepEqual([(await server.stats()).engine, (await server.stats()).sockets], [0, 0]), 'no Socket.IO left');
  await live.c.verb('connection').click();
  await live.c.becomes('status', 'connected');
  await live.c.press('emit', { event: 'message', args: '"back"' });
  await live.c.hears('back');
});

test('every packet is shown, with the heartbeat left out', async () => {
  await live.c.hears('{"name":"C"}');
  await live.c.press('emit', { args: '"x"' });
  await live.c.hears('x');
  const [open, ...others] = await packets(live.c);
  assert.match(open, /^0\{"sid":/);
  assert.deepEqual(others, ['40{"name":"C"}', `40{"sid":"${await id(live.c)}"}`, '42["auth",{"name":"C"}]', '42["message","x"]', '42["message-back","x"]']);
});

test('what cannot be sent is explained, and nothing is lost by it', async () => {
  assert.match(await live.c.press('emit', { args: 'no JSON' }), /Arguments/);
  assert.match(await live.c.press('emit', { args: '1, 2, ' }), /Arguments/);
  assert.match(await live.c.press('emit', { event: 'disconnect', args: '' }), /protocol/);
  await live.c.verb('connection').click();
  await live.c.becomes('status', 'disconnected');
  await live.c.field('auth').fill('"a string"');
  await live.c.verb('connection').click();
  await eventually(async () => assert.match(await live.c.text('result'), /Auth/), 'a word about Auth');
  await live.c.field('auth').fill('');
  await live.c.verb('connection').click();
  await live.c.becomes('status', 'connected');
});

test('what others send is text, never markup', async () => {
  const client = await server.connect();
  const attack = '<img src="/nope" onerror="document.title=\'owned\'">';
  await client.ok('broadcast', { rooms: [await id(live.c)], event: attack, data: [attack] });
  await live.c.hears('<img src=');
  await settle(client);
  assert.equal(await live.c.root.locator('img').count(), 0);
  assert.notEqual(await live.page.title(), 'owned');
  client.socket.close();
});

test('heartbeats keep it connected', async () => {
  const hasty = await Server.start({ PING_INTERVAL: '100', PING_TIMEOUT: '1000' });
  const page = await live.context.newPage();
  let pings = 0;
  page.on('websocket', (socket) => {
    if (socket.url().includes('/socket.io/')) socket.on('framereceived', ({ payload }) => { pings += payload === '2'; });
  });
  await page.goto(hasty.url('/'));
  await eventually(() => pings >= 15, 'more pings than the server waits for without an answer');
  assert.equal(await page.locator('[data-pane="c"] [data-out="status"]').innerText(), 'connected');
  assert.doesNotMatch(await page.locator('[data-pane="c"] [data-out="frames"]').textContent(), /connection lost/);
  await page.close();
  await hasty.stop();
});

test('a server that is gone, and one that is there again', async () => {
  const first = await Server.start();
  const other = await LivePage.open(browser, first);
  await first.stop();
  await eventually(async () => assert.match(await other.c.text('advice'), /next attempt/), 'a kind word');
  const second = await Server.start({ PORT: String(first.port) });
  await other.c.becomes('status', 'connected');
  assert.equal(await other.c.out('advice').isVisible(), false);
  await other.context.close(); // failed attempts stand in its console
  await second.stop();
});

test('a server that does not beat is left', async () => {
  const page = await live.context.newPage();
  await page.routeWebSocket('**/socket.io/**', (socket) => {
    socket.send('0{"sid":"x","upgrades":[],"pingInterval":100,"pingTimeout":100,"maxPayload":1000}');
    socket.onMessage((packet) => { if (packet.startsWith('40')) socket.send('40{"sid":"silent"}'); });
  });
  await page.goto(server.url('/'));
  await eventually(async () => assert.match(await page.locator('[data-pane="c"] [data-out="frames"]').textContent(), /no heartbeat/), 'the end');
});
