// Bytes over long-polling: base64 in texts, and revision 3's payloads of bytes (CONTRACT section 1).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PollingSession, packetsOf, payload } from './engineio.mjs';
import { SocketIoServer, numbers } from './support.mjs';

let server;
before(async () => { server = await SocketIoServer.start(); });
after(() => server.stop());

/** A session of the echo. */
const open = (revision, query) => PollingSession.open(server, { path: '/engine.io/', revision, query });

const CHUNKS = [Buffer.from([0]), Buffer.from([1, 2]), Buffer.from([1, 2, 3]), Buffer.from(numbers(256)), Buffer.alloc(100_000, 'ab'), Buffer.from('\x1e4b:')];

/** `[what, revision, how a session is opened, how bytes are written in a payload of text]` */
const IN_TEXT = [
  ['revision 4', 4, '', (bytes) => `b${bytes.toString('base64')}`],
  ['revision 3 with b64', 3, '&b64=1', (bytes) => `b4${bytes.toString('base64')}`],
];

for (const [what, revision, query, write] of IN_TEXT) {
  test(`${what}: bytes come back as base64`, async () => {
    const session = await open(revision, query);
    for (const bytes of CHUNKS) {
      await session.send(write(bytes));
      const { headers, body } = await session.get();
      assert.equal(body, payload(revision, [write(bytes)]));
      assert.match(headers['content-type'], /^text\/plain/);
    }
  });

  test(`${what}: bytes and texts in one payload keep their order`, async () => {
    const session = await open(revision, query);
    const packets = CHUNKS.flatMap((bytes, number) => [`4ä${number}`, write(bytes)]);
    await session.send(...packets);
    assert.deepEqual(await session.receive(packets.length), packets);
  });
}

/** A payload of bytes: kind, length in decimal digits of one byte each, 255, then the packet. */
const binaryPayload = (packets) => Buffer.concat(packets.flatMap((packet) => {
  const data = typeof packet === 'string' ? Buffer.from(packet) : Buffer.concat([Buffer.from([4]), packet]);
  return [Buffer.from([typeof packet === 'string' ? 0 : 1, ...[...String(data.length)].map(Number), 255]), data];
}));

const OCTETS = { headers: { 'content-type': 'application/octet-stream' } };

test('revision 3: a payload of bytes is answered with one', async () => {
  const session = await open(3);
  for (const bytes of CHUNKS) {
    const posted = await session.post(binaryPayload([bytes]), OCTETS);
    assert.deepEqual([posted.status, posted.body], [200, 'ok']);
    const answer = await session.get();
    assert.deepEqual(answer.bytes, binaryPayload([bytes]));
    assert.equal(answer.headers['content-type'], 'application/octet-stream');
  }
});

test('revision 3: texts beside bytes are counted in bytes of UTF-8', async () => {
  const session = await open(3);
  const packets = ['4ä🎲', Buffer.from([0, 255]), '4', Buffer.from('last')];
  assert.equal((await session.post(binaryPayload(packets), OCTETS)).status, 200);
  assert.deepEqual((await session.get()).bytes, binaryPayload(packets));
});

test('revision 3: texts alone are answered as text, also when they came as bytes', async () => {
  const session = await open(3);
  assert.equal((await session.post(binaryPayload(['4ä🎲', '4x']), OCTETS)).status, 200);
  const { headers, body } = await session.get();
  assert.equal(body, payload(3, ['4ä🎲', '4x']));
  assert.match(headers['content-type'], /^text\/plain/);
});

test('revision 3: base64 is understood from a client that can read bytes', async () => {
  const session = await open(3);
  await session.send('b4AQID');
  assert.deepEqual((await session.get()).bytes, binaryPayload([Buffer.from([1, 2, 3])]));
});

test('revision 3 with b64: bytes are understood, and answered as base64', async () => {
  const session = await open(3, '&b64=1');
  assert.equal((await session.post(binaryPayload([Buffer.from([1, 2, 3])]), OCTETS)).status, 200);
  assert.deepEqual(packetsOf(3, (await session.get()).body), ['b4AQID']);
});

test('revision 4: a payload of bytes ends the session', async () => {
  const session = await open(4);
  assert.equal((await session.post(binaryPayload([Buffer.from([1])]), OCTETS)).status, 400);
  await session.isGone();
});

const BROKEN = {
  'no end of the length': Buffer.from([0, 1, 2, 3]),
  'no length': Buffer.from([0, 255, 0x34]),
  'a digit above nine': Buffer.from([0, 10, 255, 0x34]),
  'a length beyond the end': Buffer.from([0, 9, 255, 0x34, 0x35]),
  'a huge length': Buffer.from([0, ...Array(400).fill(9), 255, 0x34]),
  'another kind': Buffer.from([7, 1, 255, 0x36]),
  'text that is no UTF-8': Buffer.from([0, 3, 255, 0x34, 0xff, 0xfe]),
  'an empty binary packet': Buffer.from([1, 0, 255]),
  'an unknown type of packet': Buffer.from([1, 2, 255, 9, 9]),
  'nothing': Buffer.alloc(0),
};

for (const [what, body] of Object.entries(BROKEN)) {
  test(`revision 3: a payload of bytes with ${what} costs at most its session`, async () => {
    const [session, bystander] = await Promise.all([open(3), open(3)]);
    assert.ok([200, 400].includes((await session.post(body, OCTETS)).status));
    await bystander.send('4still here');
    assert.deepEqual(await bystander.receive(1), ['4still here']);
  });
}
