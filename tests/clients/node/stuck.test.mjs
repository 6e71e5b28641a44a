// A client that stops reading costs nobody but itself: the others get everything, in order, while it is stuck,
// and the server drops it, by its limit of queued bytes or by its heartbeat.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEADLINE, Server, eventually, within } from './support.mjs';

const ROOM = 'stuck';
/** More than the kernel keeps for a connection that is not read, many times over. */
const BYTES_MAX = 200 * 1024 * 1024;

/** A sender, readers and one who stops reading; `turn` sends one batch and waits until every reader has it. */
async function scene(server, { size, batch }) {
  const [sender, stuck, ...readers] = await server.connectAll(6);
  for (const client of [stuck, ...readers]) await client.ok('join', { room: ROOM });
  stuck.tcp.pause();
  const padding = 'x'.repeat(size);
  let sent = 0;
  const turn = async () => {
    await Promise.all(Array.from({ length: batch }, () => sender.ok('broadcast', { rooms: [ROOM], data: [sent++, padding] })));
    for (const reader of readers) {
      await eventually(() => assert.equal(reader.deliveries.length, batch), 'what a reader got', DEADLINE);
      const numbers = reader.heard().map(([, [number, text]]) => (text.length === size ? number : 'mangled'));
      assert.deepEqual(numbers, Array.from({ length: batch }, (_, index) => sent - batch + index));
      reader.frames.length = 1;
    }
  };
  return { stuck, readers, sender, turn, sentBytes: () => sent * size };
}

test('a flood: the stuck client is dropped by the limit of its queue', async () => {
  const server = await Server.start(); // a heartbeat would take 45 s
  try {
    const former = await server.restingStats();
    const { stuck, readers, sender, turn, sentBytes } = await scene(server, { size: 64 * 1024, batch: 6 });
    while (await server.members(ROOM) === 5) {
      assert.ok(sentBytes() < BYTES_MAX, 'the stuck client is still a member');
      await turn();
    }
    await server.membersBecome(ROOM, 4);
    await turn();
    stuck.tcp.resume();
    assert.equal((await within(DEADLINE, stuck.closed, () => 'an end of the stuck connection')).code, 1006);
    for (const client of [sender, ...readers]) client.socket.close();
    await server.statsBecome(former);
  } finally {
    await server.stop();
  }
});

test('little traffic: the stuck client is dropped by the heartbeat', async () => {
  const server = await Server.start({ PING_INTERVAL: '400', PING_TIMEOUT: '1500' });
  try {
    const former = await server.restingStats();
    const { stuck, readers, sender, turn } = await scene(server, { size: 100, batch: 3 });
    const end = Date.now() + DEADLINE;
    while (await server.members(ROOM) === 5) {
      assert.ok(Date.now() < end, 'the stuck client is still a member');
      await turn();
    }
    await server.membersBecome(ROOM, 4);
    await turn();
    stuck.tcp.resume();
    await within(DEADLINE, stuck.closed, () => 'an end of the stuck connection');
    for (const client of [sender, ...readers]) client.socket.close();
    await server.statsBecome(former);
  } finally {
    await server.stop();
  }
});

test('many stuck clients at once do not hold up a reader', async () => {
  const server = await Server.start();
  try {
    const former = await server.restingStats();
    const { turn, readers, sender, stuck } = await scene(server, { size: 64 * 1024, batch: 6 });
    const more = await server.connectAll(20);
    for (const client of more) {
      await client.ok('join', { room: ROOM });
      client.tcp.pause();
    }
    while (await server.members(ROOM) > 4) await turn();
    await turn();
    assert.equal(await server.members(ROOM), 4);
    for (const client of [sender, stuck, ...readers, ...more]) client.tcp.resetAndDestroy();
    await server.statsBecome(former);
  } finally {
    await server.stop();
  }
});

test('replies that nobody reads are limited too', async () => {
  const server = await Server.start();
  try {
    const former = await server.restingStats();
    const client = await server.connect();
    const id = 'x'.repeat(100_000);
    client.tcp.pause();
    let written = 0;
    const ended = () => client.socket.readyState !== client.socket.OPEN;
    while (!ended() && (await server.stats()).websockets === 1) {
      assert.ok(written < BYTES_MAX, 'replies pile up without a limit');
      // A server that stops reading is as good an answer as one that hangs up, as long as nothing piles up in it.
      if (client.socket.bufferedAmount > 32 * 1024 * 1024) break;
      client.socket.send(JSON.stringify({ id, op: 'rooms' }));
      written += id.length;
    }
    const other = await server.connect();
    await other.ok('getId');
    other.socket.close();
    client.tcp.resetAndDestroy();
    await server.statsBecome(former);
  } finally {
    await server.stop();
  }
});
