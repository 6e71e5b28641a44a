// Leaving: by the server, by the client, one namespace or all, and coming again (CONTRACT section 2).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PollingSession, WebSocketSession } from './engineio.mjs';
import { COMBINATIONS, Cable, DEADLINE, SocketIoServer, within } from './support.mjs';

/** Short enough to forget whoever went without a word, long enough for a busy machine. */
const HEARTBEAT = { PING_INTERVAL: '500', PING_TIMEOUT: '3000' };

/** A client that comes again at once. */
const EAGER = { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 50 };

let server;
before(async () => { server = await SocketIoServer.start(HEARTBEAT); });
after(() => server.stop());

for (const { client, transport, label } of COMBINATIONS) {
  test(`${label}: the server disconnects a socket, its neighbour stays`, async () => {
    const former = await server.restingStats();
    const peer = await server.open({ client, transport });
    const custom = await peer.also('/custom');
    custom.emit('disconnect-me');
    assert.equal(await custom.disconnected(), 'io server disconnect');
    assert.deepEqual(await peer.echo('still here'), ['still here']);
    assert.deepEqual(peer.reasons, []);
    peer.emit('disconnect-me');
    assert.equal(await peer.disconnected(), 'io server disconnect');
    peer.leave();
    await server.statsBecome(former);
  });

  test(`${label}: who was disconnected may connect again`, async () => {
    const peer = await server.open({ client, transport, ...EAGER });
    peer.emit('disconnect-me');
    await peer.disconnected();
    peer.socket.connect();
    await peer.becomes(() => peer.greetings.length === 2, 'connected again');
    assert.deepEqual(await peer.echo('back'), ['back']);
  });

  test(`${label}: the client leaves one namespace, the other stays`, async () => {
    const former = await server.restingStats();
    const peer = await server.open({ client, transport });
    const custom = await peer.also('/custom');
    peer.socket.disconnect();
    assert.equal(await peer.disconnected(), 'io client disconnect');
    assert.deepEqual(await custom.echo('still here'), ['still here']);
    await server.statsBecome({ ...await server.stats(), engine: former.engine + 1, sockets: former.sockets, memberships: former.memberships });
    custom.leave();
    await server.statsBecome(former);
  });

  test(`${label}: the client leaves altogether`, async () => {
    const former = await server.restingStats();
    const peer = await server.open({ client, transport });
    await peer.also('/custom');
    peer.leave();
    assert.deepEqual(peer.reasons, ['io client disconnect']);
    await server.statsBecome(former);
  });

  test(`${label}: a broken connection is made again, as another socket`, async () => {
    const former = await server.restingStats();
    const cable = await Cable.to(server);
    try {
      const peer = await server.open({ client, transport, port: cable.port, ...EAGER });
      const custom = await peer.also('/custom');
      for (const times of [2, 3]) {
        cable.cut();
        for (const each of [peer, custom]) await each.becomes(() => each.reasons.length === times - 1, 'disconnected');
        cable.mend();
        for (const each of [peer, custom]) await each.becomes(() => each.greetings.length === times, `connected ${times} times`);
        assert.deepEqual(await Promise.all([peer.echo('again'), custom.echo('too')]), [['again'], ['too']]);
      }
      for (const { ids, reasons } of [peer, custom]) {
        assert.equal(new Set(ids).size, 3, 'a new id each time');
        assert.ok(reasons.length === 2 && reasons.every((reason) => /^transport (close|error)$/.test(reason)), `${reasons}`);
      }
      peer.leave();
      await server.statsBecome(former);
    } finally {
      cable.remove();
    }
  });
}

test('connections that break for good are forgotten', async () => {
  const former = await server.restingStats();
  const cable = await Cable.to(server);
  const peers = await Promise.all(COMBINATIONS.map((combination) => server.open({ ...combination, port: cable.port })));
  await server.statsBecome({ ...await server.stats(), engine: former.engine + peers.length, sockets: former.sockets + peers.length });
  cable.remove();
  for (const [index, peer] of peers.entries()) assert.match(await peer.disconnected(), /^transport (close|error)$/, COMBINATIONS[index].label);
  await server.statsBecome(former);
});

test('SIGTERM tells every client, and the server ends within 5 s', async () => {
  const ending = await SocketIoServer.start({ DRAIN: '3s' });
  const peers = await Promise.all(COMBINATIONS.map((combination) => ending.open(combination)));
  const started = process.hrtime.bigint();
  ending.process.kill('SIGTERM');
  for (const [index, peer] of peers.entries()) {
    assert.match(await peer.disconnected(), /^(transport (close|error)|io server disconnect)$/, COMBINATIONS[index].label);
  }
  assert.deepEqual(await within(DEADLINE, ending.process.exited, () => 'no end'), { code: 0, signal: null });
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  assert.ok(seconds < 5, `${seconds} s`);
  await ending.stop();
});

test('SIGTERM ends a server with a session that nobody polls', async () => {
  const ending = await SocketIoServer.start({ DRAIN: '3s' });
  await PollingSession.open(ending);
  const upgrading = await PollingSession.open(ending);
  await upgrading.candidate();
  const started = process.hrtime.bigint();
  ending.process.kill('SIGTERM');
  assert.deepEqual(await within(DEADLINE, ending.process.exited, () => 'no end'), { code: 0, signal: null });
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  assert.ok(seconds < 5, `${seconds} s`);
  await ending.stop();
});

/** The promise about time: not before, and not long after, with room for a busy machine. */
function isAbout(milliseconds, started) {
  const took = Date.now() - started;
  assert.ok(took > milliseconds - 50 && took < milliseconds + 5000, `after ${took} ms, ${milliseconds} were promised`);
}

test('revision 4: a session that connects no namespace is closed after CONNECT_TIMEOUT', async () => {
  const strict = await SocketIoServer.start({ CONNECT_TIMEOUT: '700' });
  try {
    const former = await strict.restingStats();
    const started = Date.now();
    const [silent, refused, joined, left] = await Promise.all(Array.from({ length: 4 }, () => WebSocketSession.open(strict)));
    const polling = await PollingSession.open(strict);
    refused.send('40/nope,');
    joined.send('40');
    left.send('40/custom,');
    assert.match(await left.next(), /^40\/custom,/);
    left.send('41/custom,');
    const poll = polling.get();
    for (const session of [silent, refused]) {
      await session.isClosed();
      isAbout(700, started);
    }
    assert.equal((await poll).status, 200);
    await polling.isGone();
    isAbout(700, started);
    joined.send('42["message"]');
    assert.deepEqual((await joined.receive(3)).slice(1), ['42["auth",{}]', '42["message-back"]']);
    left.send('40');
    assert.equal((await left.receive(3))[1].slice(0, 3), '40{', 'who was in a namespace once may take its time');
    for (const session of [joined, left]) session.leave();
    await strict.statsBecome(former);
  } finally {
    await strict.stop();
  }
});

test('revision 3 and plain Engine.IO know no CONNECT_TIMEOUT', async () => {
  const strict = await SocketIoServer.start({ CONNECT_TIMEOUT: '300' });
  try {
    const kept = [await WebSocketSession.open(strict, { revision: 3 }), await WebSocketSession.open(strict, { path: '/engine.io/' })];
    const closed = await WebSocketSession.open(strict);
    await closed.isClosed();
    assert.deepEqual(await kept[0].receive(2), ['40', '42["auth",{}]']);
    kept[0].send('42["message"]');
    assert.equal(await kept[0].next(), '42["message-back"]');
    kept[1].send('4x');
    assert.equal(await kept[1].next(), '4x');
    for (const session of kept) session.leave();
  } finally {
    await strict.stop();
  }
});
