// What `/stats` counts while clients are there, and after (CONTRACT section 6).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PollingSession, WebSocketSession } from './engineio.mjs';
import { COMBINATIONS, SocketIoServer, numbers } from './support.mjs';

/** Short, for those who go without a word; long enough for a busy machine. */
const HEARTBEAT = { PING_INTERVAL: '500', PING_TIMEOUT: '2000' };

let server;
before(async () => { server = await SocketIoServer.start(HEARTBEAT); });
after(() => server.stop());

/** How much the counters grew; that of TCP connections is a matter of the transport. */
async function growth(former) {
  const { tcp, ...now } = await server.stats();
  return Object.fromEntries(Object.entries(now).map(([key, value]) => [key, value - former[key]]));
}

for (const { client, transport, label } of COMBINATIONS) {
  test(`${label}: a session, a socket, and its own room`, async () => {
    const former = await server.restingStats();
    const peers = await Promise.all(numbers(5).map(() => server.open({ client, transport })));
    assert.deepEqual(await growth(former), { engine: 5, sockets: 5, websockets: 0, rooms: 5, memberships: 5 });
    await Promise.all(peers.map((peer) => peer.also('/custom')));
    assert.deepEqual(await growth(former), { engine: 5, sockets: 5, websockets: 0, rooms: 5, memberships: 5 }, 'only the namespace / is counted');
    peers[0].emit('disconnect-me');
    await peers[0].disconnected();
    assert.deepEqual(await growth(former), { engine: 5, sockets: 4, websockets: 0, rooms: 4, memberships: 4 });
    for (const peer of peers) peer.leave();
    await server.statsBecome(former);
  });
}

test('a session of revision 4 has no socket before CONNECT', async () => {
  const former = await server.restingStats();
  const session = await WebSocketSession.open(server);
  assert.deepEqual(await growth(former), { engine: 1, sockets: 0, websockets: 0, rooms: 0, memberships: 0 });
  session.send('40/nope,');
  await session.next();
  assert.equal((await growth(former)).sockets, 0);
  session.send('40');
  await session.receive(2);
  assert.deepEqual(await growth(former), { engine: 1, sockets: 1, websockets: 0, rooms: 1, memberships: 1 });
  session.send('41');
  await server.statsBecome({ ...await server.stats(), sockets: former.sockets, rooms: former.rooms, memberships: former.memberships });
  session.leave();
  await server.statsBecome(former);
});

test('sessions of the plain path are sessions without sockets', async () => {
  const former = await server.restingStats();
  const [socket, polling] = await Promise.all([WebSocketSession.open(server, { path: '/engine.io/' }), PollingSession.open(server, { path: '/engine.io/' })]);
  assert.deepEqual(await growth(former), { engine: 2, sockets: 0, websockets: 0, rooms: 0, memberships: 0 });
  const candidate = await polling.candidate();
  candidate.send('2probe');
  await candidate.next();
  candidate.send('5', '4x');
  await candidate.next();
  assert.equal((await growth(former)).engine, 2, 'an upgrade is no second session');
  socket.leave();
  candidate.leave();
  await server.statsBecome(former);
});

test('sessions that are polled are no connections, and become one with their upgrade', async () => {
  const former = await server.restingStats();
  const sessions = await Promise.all(numbers(20).map(() => PollingSession.open(server, { path: '/engine.io/' })));
  await server.statsBecome({ ...former, engine: former.engine + 20 });
  const candidates = await Promise.all(sessions.map((session) => session.candidate()));
  for (const candidate of candidates) candidate.send('2probe');
  await Promise.all(candidates.map((candidate) => candidate.next()));
  for (const candidate of candidates) candidate.send('5', '4x');
  await Promise.all(candidates.map((candidate) => candidate.next()));
  await server.statsBecome({ ...former, engine: former.engine + 20, tcp: former.tcp + 20 });
  for (const candidate of candidates) candidate.leave();
  await server.statsBecome(former);
});

test('whoever goes in the middle of something is forgotten', async () => {
  const former = await server.restingStats();
  for (const revision of [4, 3]) {
    const sessions = await Promise.all(numbers(8).map(() => PollingSession.open(server, { revision })));
    const [silent, polling, posting, probing, probed, asking] = sessions;
    await silent.isThere();
    const poll = polling.get().catch(() => {}); // its end is not promised
    posting.beginPost().end();
    asking.beginPost().resetAndDestroy();
    const candidates = await Promise.all([probing, probed].map((session) => session.candidate()));
    candidates[1].send('2probe');
    assert.equal(await candidates[1].next(), '3probe');
    for (const candidate of candidates) candidate.tcp.resetAndDestroy();
    const socket = await WebSocketSession.open(server, { revision });
    socket.send('451-["message",{"_placeholder":true,"num":0}]');
    socket.tcp.resetAndDestroy();
    await poll;
  }
  await server.statsBecome(former);
});

test('a crowd that comes and goes', async () => {
  const former = await server.restingStats();
  for (let round = 0; round < 4; round += 1) {
    const peers = numbers(27).map((index) => server.begin(COMBINATIONS[index % COMBINATIONS.length]));
    // A third is awaited, a third leaves once it is connected at all, a third at once.
    await Promise.all(peers.filter((peer, index) => index % 3 === 0).map((peer) => peer.ready()));
    for (const peer of peers) peer.leave();
  }
  await server.statsBecome(former);
});
