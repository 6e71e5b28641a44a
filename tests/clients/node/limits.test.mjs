// What a client may not do costs its own connection and nothing else: frames, sizes, silence.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DEADLINE, Server, eventually, settle, within } from './support.mjs';

const MAX = 10_000;
const HEARTBEAT = { PING_INTERVAL: '400', PING_TIMEOUT: '1500' };

let server;
let bystander;
before(async () => {
  server = await Server.start({ MAX_PAYLOAD: String(MAX) });
  bystander = await server.connect();
  await bystander.ok('join', { room: 'limits' });
});
after(() => server.stop());

/** The client's connection ends with this code, and another member of its room does not notice. */
async function closesWith(client, code) {
  assert.equal((await within(DEADLINE, client.closed, () => `no close ${code}`)).code, code);
  await server.membersBecome('limits', 1);
  await bystander.ok('broadcast', { rooms: ['limits'], data: code });
  await settle(bystander);
  assert.deepEqual(bystander.heard(), [['message', code]]);
}

async function member() {
  const client = await server.connect();
  await client.ok('join', { room: 'limits' });
  return client;
}

test('a binary frame: 1003', async () => {
  for (const bytes of [Buffer.alloc(0), Buffer.from('{"id":1,"op":"getId"}')]) {
    const client = await member();
    client.socket.send(bytes, { binary: true });
    await closesWith(client, 1003);
  }
});

test('a message of MAX_PAYLOAD bytes is taken, one byte more is 1009', async () => {
  const pad = (size) => {
    const empty = '{"id":1,"op":"getId","pad":""}';
    return empty.replace('""', `"${'x'.repeat(size - empty.length)}"`);
  };
  const client = await member();
  assert.equal(Buffer.byteLength(pad(MAX)), MAX);
  assert.match(await client.exchange(pad(MAX)), /"ok":true/);
  client.socket.send(pad(MAX + 1));
  await closesWith(client, 1009);
});

test('fragments are counted together', async () => {
  const client = await member();
  const frame = `{"id":1,"op":"getId","pad":"${'x'.repeat(MAX - 100)}"}`;
  for (let at = 0; at < frame.length; at += 1000) {
    client.socket.send(frame.slice(at, at + 1000), { fin: at + 1000 >= frame.length });
  }
  await eventually(() => assert.equal(client.replies.length, 1), 'the reply to a fragmented request');
  for (let part = 0; part < 11; part += 1) client.socket.send('x'.repeat(1000), { fin: false });
  await closesWith(client, 1009);
});

test('text that is no UTF-8: 1007, also across fragments', async () => {
  for (const parts of [[[0xff]], [[0xc0, 0xaf]], [[0xed, 0xa0, 0x80]], [[0xf4, 0x90, 0x80, 0x80]], [[0xe2, 0x82]], [[0xe2, 0x82], [0x20]]]) {
    const client = await member();
    parts.forEach((bytes, index) => client.socket.send(Buffer.from(bytes), { binary: false, fin: index === parts.length - 1 }));
    await closesWith(client, 1007);
  }
});

test('pings are answered with their own bytes, between requests and within a fragmented one', async () => {
  const client = await member();
  const pongs = [];
  client.socket.on('pong', (data) => pongs.push(data.toString()));
  const wanted = ['', 'between', 'within', 'x'.repeat(125)];
  client.socket.ping(wanted[0]);
  client.socket.ping(wanted[1]);
  client.socket.send('{"id":1,', { fin: false });
  client.socket.ping(wanted[2]);
  client.socket.send('"op":"getId"}', { fin: true });
  client.socket.ping(wanted[3]);
  client.socket.pong('unasked');
  await eventually(() => assert.deepEqual([pongs, client.replies.length], [wanted, 1]), 'pongs and a reply');
  client.socket.close();
  await server.membersBecome('limits', 1);
});

test('a client that does not answer pings is dropped, but not before its time', async () => {
  const lively = await Server.start(HEARTBEAT);
  try {
    const former = await lively.restingStats();
    const silent = await lively.connect({ autoPong: false });
    const answering = await lively.connect();
    for (const client of [silent, answering]) await client.ok('join', { room: 'heartbeat' });
    await eventually(() => silent.pings > 0, 'a first ping');
    const pinged = Date.now();
    await within(DEADLINE, silent.closed, () => 'no end of a silent client');
    assert.ok(Date.now() - pinged > 700, `dropped ${Date.now() - pinged} ms after its ping, 1500 were promised`);
    await lively.membersBecome('heartbeat', 1);
    await eventually(() => answering.pings >= 8, 'the client that answers goes on');
    assert.deepEqual(await answering.rooms(), ['heartbeat']);
    answering.socket.close();
    await lively.statsBecome(former);
  } finally {
    await lively.stop();
  }
});

test('/ws/echo has no heartbeat', async () => {
  const lively = await Server.start(HEARTBEAT);
  try {
    const echo = await lively.connectEcho({ autoPong: false });
    const silent = await lively.connect({ autoPong: false });
    await within(DEADLINE, silent.closed, () => 'no end of a silent client');
    assert.equal(await echo.exchange('still here'), 'still here');
    assert.equal(echo.pings, 0);
  } finally {
    await lively.stop();
  }
});

test('a flood of requests of one client is answered in full and holds up nobody', async () => {
  const [flooder, other] = await server.connectAll(2);
  const count = 20_000;
  for (let id = 0; id < count; id += 1) flooder.socket.send(`{"id":${id},"op":"join","room":"flood ${id % 50}"}`);
  await other.ok('getId');
  await eventually(() => assert.equal(flooder.replies.length, count), 'all replies');
  assert.ok(flooder.replies.every((reply, id) => reply === `{"reply":${id},"ok":true}`));
});
