// Coming back after the connection was lost, with nothing lost (Socket.IO's connection state recovery; setting RECOVERY).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client, settle } from '../support.mjs';
import { Cable, SocketIoServer, eventually, numbers } from './support.mjs';

const COMING_BACK = { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 100, randomizationFactor: 0 };
const STEPS = 5;
const EACH = 40;

let server;
let raw;
before(async () => {
  server = await SocketIoServer.start({ RECOVERY: '1min' });
  raw = new Client(`ws://${server.host}:${server.port}/ws`);
  await raw.greeted;
});
after(async () => {
  raw.socket.terminate();
  await server.stop();
});

/** Listens to `news` on a peer: the numbers that it hears, and whether each had an offset behind it. */
function news(peer) {
  const heard = [];
  peer.socket.on('news', (number, offset) => {
    assert.match(offset, /^[0-9a-z]+$/);
    heard.push(number);
  });
  return heard;
}

for (const transport of ['websocket', 'polling', 'upgrade']) {
  test(`${transport}: what is sent while a client is away reaches it once and in order`, async () => {
    const cable = await Cable.to(server);
    const peer = await server.open({ transport, port: cable.port, ...COMING_BACK });
    const [heard, id] = [news(peer), peer.socket.id];
    await raw.ok('join', { room: 'news', ids: [id] });
    for (const step of numbers(STEPS)) {
      // Cut at any moment between them, mended while more are sent.
      for (const at of numbers(EACH)) {
        if (at === 10 + step) cable.cut();
        if (at === 30) cable.mend();
        const sent = [
          raw.ok('broadcast', { room: at % 3 ? 'news' : id, event: 'news', data: step * EACH + at }),
          raw.ok('broadcast', { room: 'elsewhere', event: 'news', data: 'not for it' }),
        ];
        if (at % 10 === 0) await Promise.all(sent);
      }
      await settle(raw);
      await eventually(() => heard.length >= (step + 1) * EACH, `what was sent in step ${step} has arrived`);
      await peer.settle();
    }
    assert.deepEqual(heard, numbers(STEPS * EACH));
    assert.deepEqual([peer.socket.recovered, peer.socket.id], [true, id]);
    assert.ok(peer.ids.length > 1 && peer.ids.every((each) => each === id), 'it came back as who it was');
    peer.leave();
    cable.remove();
  });
}

test('who heard nothing yet, and who left on purpose', async () => {
  const cable = await Cable.to(server);
  const peer = await server.open({ nsp: '/custom', port: cable.port, ...COMING_BACK });
  const id = peer.socket.id;
  cable.cut();
  await peer.disconnected();
  cable.mend();
  await peer.becomes(() => peer.ids.length === 2, 'back');
  assert.deepEqual([peer.socket.recovered, peer.socket.id], [true, id]);
  peer.socket.disconnect();
  peer.socket.connect();
  await peer.becomes(() => peer.ids.length === 3, 'connected anew');
  assert.equal(peer.socket.recovered, false);
  assert.notEqual(peer.socket.id, id);
  peer.leave();
  cable.remove();
});

test('a second client with the same secret takes the place of the first', async () => {
  const first = await server.open();
  const [pid, id] = [first.socket._pid, first.socket.id];
  const second = server.begin({ auth: { pid, offset: first.socket._lastOffset } });
  await second.becomes(() => second.ids.length > 0, 'connected');
  assert.equal(second.socket.id, id);
  assert.equal(await first.disconnected(), 'io server disconnect');
  // Its secret is used up: what it was told cannot be used again by who lost it.
  const third = server.begin({ auth: { pid: 'AAAAAAAAAAAAAAAAAAAA' } });
  await third.becomes(() => third.ids.length > 0, 'connected');
  assert.notEqual(third.socket.id, id);
});

test('clients of the older protocol are sent events as ever', async () => {
  const peer = await server.open({ client: '2.5' });
  assert.deepEqual(peer.greetings, [{}], 'no offset behind it');
  assert.deepEqual(await peer.echo(1, 'two'), [1, 'two']);
});
