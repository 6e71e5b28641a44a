// Whatever a client sends costs at most its own connection (CONTRACT section 2's last paragraph, and what was found elsewhere).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PollingSession, WebSocketSession, payload } from './engineio.mjs';
import { RESERVED, SocketIoServer, numbers } from './support.mjs';

let server;
let bystander;
let former;
before(async () => {
  server = await SocketIoServer.start({ PING_INTERVAL: '1000', PING_TIMEOUT: '5000' });
  bystander = await server.open();
  former = await server.restingStats();
});
after(() => server.stop());

/** The server is well and nobody else noticed. */
async function nobodyElseNotices() {
  assert.deepEqual(await bystander.echo('still here', Buffer.from('bytes')), ['still here', Buffer.from('bytes')]);
  assert.deepEqual(bystander.reasons, []);
}

const BYTES = Buffer.from([1, 2, 3]);
const HOLE = (num) => `{"_placeholder":true,"num":${num}}`;

/** What has to close the connection: `[what, ...packets]`, as they stand after the Engine.IO type. */
const CLOSING = [
  ...['7', '8["message"]', '9', 'a', '-1', '["message"]', ' 2["message"]'].map((packet) => ['an unknown type of packet', packet]),
  ...['2{}', '2"message"', '21', '2null', '2{"0":"message","length":1}', '2true'].map((packet) => ['a payload that is no array', packet]),
  ['an empty array', '2[]'],
  ...['null', 'true', '{}', '[]', '["message"]', '{"name":"message"}'].map((name) => ['an event name of another kind', `2[${name},1]`]),
  ...RESERVED.map((event) => ['a reserved name', `2["${event}",1]`]),
  ['a reserved name, written with an escape', '2["disconnec\\u0074"]'],
  ['a reserved name, with bytes', `51-["connect",${HOLE(0)}]`, BYTES],
  ...['2["message"', '2["message",]', "2['message']", '2["message"]x', '2["message",undefined]', '2["message",NaN]', '2["message",01]', '2["message","\t"]', '2["message","\\x"]',
    '2["message",+1]', '2[,"message"]', '2["message"]]', '2["message",{"a":1,}]', '2["message",{a:1}]', '2["message",tru]', '2["message","\\ud8"]'].map((packet) => ['bad JSON', packet]),
  ...['2abc["message"]', '2-1["message"]', '21.5["message"]', '21e3["message"]', '20x1["message"]'].map((packet) => ['an ack id that is no number', packet]),
  ...['31{}', '31"x"', '31null', '3{"a":1}', '31{"0":1}'].map((packet) => ['an ack payload that is no array', packet]),
  ...['5-["message"]', `5["message",${HOLE(0)}]`, '5', '5-', '5a-["message"]', '5-1-["message"]', '51.5-["message"]', '51["message"]', '50-["message"]', '6-1["x"]'].map((packet) => ['no count of attachments', packet]),
  ...['511-["message"]', '5999999999-["message"]', '518446744073709551617-["message"]', `5${'9'.repeat(400)}-["message"]`].map((packet) => ['too many attachments', packet]),
  ['bytes that nobody waits for', BYTES],
  ['bytes that nobody waits for, after an event', '2["message"]', BYTES],
  ['more bytes than were announced', `51-["message",${HOLE(0)}]`, BYTES, BYTES],
  ['text where an attachment is due', `51-["message",${HOLE(0)}]`, '2["message"]'],
  ['text where a second attachment is due', `52-["message",${HOLE(0)},${HOLE(1)}]`, BYTES, '2["message"]'],
  ...[1, 5, -1, '"0"', 'null', 1e9, '[0]', '9007199254740993', '1e400'].map((num) => ['a placeholder that points nowhere', `51-["message",${HOLE(num)}]`, BYTES]),
  ['a placeholder without a number', '51-["message",{"_placeholder":true}]', BYTES],
  ['an event of a namespace that is not connected', '2/custom,["message"]'],
  ['an event of an unknown namespace', '2/nope,["message"]'],
];

/** What only revision 4 knows: CONNECT comes from the client, with a payload. */
const CLOSING_CONNECTS = ['[]', '"token"', 'true', 'null', '[{"token":1}]', '{"token":', '{}{}'].map((value) => ['a CONNECT payload that is no object', `0/custom,${value}`]);

/** What has to do no harm; whether it is ignored, answered or ends the connection is the server's choice. */
const HARMLESS = [
  ['nothing after the type', ''],
  ['an event without a payload', '2'],
  ['an acknowledgement of nothing', '3["x"]'],
  ['an acknowledgement without a payload', '31'],
  ['an unasked acknowledgement with bytes', `61-77[${HOLE(0)}]`, BYTES],
  ['CONNECT twice', '0', '0'],
  ['CONNECT of an id', '01'],
  ['a hundred CONNECTs', ...numbers(100).map(() => '0/custom,')],
  ['a thousand unknown namespaces', ...numbers(1000).map((number) => `0/${number},`)],
  ['leaving what was never joined', '1/custom,'],
  ['leaving with a payload', '1{}'],
  ['leaving twice', '1', '1'],
  ['talking after leaving', '1', '2["message"]'],
  ['an error from the client', '4{"message":"x"}'],
  ['a huge ack id', '218446744073709551616["message-with-ack"]'],
  ['a larger ack id', `2${'9'.repeat(1000)}["message-with-ack"]`],
  ['an ack id of a space', '2 ["message-with-ack"]'],
  ['a huge unasked ack id', `3${'9'.repeat(1000)}[]`],
  ['a long namespace', `0/${'x'.repeat(100_000)},`],
  ['a namespace of many kinds of characters', '0/\u0000\u001f"\\,', '0/../..,', '0//,', '0/%00,'],
  ['a namespace that never ends', `2/${'x'.repeat(100_000)}`],
  ['a namespace without a slash', '0custom,', '2custom,["message"]'],
  ['a long event name', `2["${'x'.repeat(500_000)}"]`],
  ['an event name of a huge number', '2[1e999]', '2[-0]', '2[0.1]', `2[${'9'.repeat(1000)}]`],
  ['many arguments [ours]', `2["message"${',1'.repeat(200_000)}]`],
  ['many keys', `2["message",{${numbers(20_000).map((number) => `"${number}":0`).join()}}]`],
  ['the same key often', `2["message",{${'"a":1,'.repeat(20_000)}"a":2}]`],
  ['one attachment used twice', `51-["message",${HOLE(0)},${HOLE(0)}]`, BYTES],
  ['one attachment used ten thousand times', `51-["message"${`,${HOLE(0)}`.repeat(10_000)}]`, Buffer.alloc(1000)],
  ['attachments that nothing points to', '52-["message"]', BYTES, BYTES],
  ['placeholders in a plain event', `2["message",${HOLE(7)}]`],
  ['half a placeholder', '51-["message",{"_placeholder":false,"num":5}]', BYTES],
  ['a placeholder with a fraction', `51-["message",${HOLE(0.5)}]`, BYTES],
  ['an empty attachment', `51-["message",${HOLE(0)}]`, Buffer.alloc(0)],
  ['keys that mean something to JavaScript', '2["message",{"__proto__":{"toString":1},"constructor":{"prototype":1}}]', '2["__proto__",1]', '2["constructor"]'],
];

/** What stops a Node server: nesting that its own encoder cannot follow. */
const DEEP = [[10_000, '['], [100_000, '['], [100_000, '{"a":'], [300_000, '[']].flatMap(([depth, open]) => {
  const deep = `${open.repeat(depth)}1${(open === '[' ? ']' : '}').repeat(depth)}`;
  return [
    [`${depth} times ${open}`, `2["message",${deep}]`], [`${depth} times ${open} without an end`, `2["message",${open.repeat(depth)}`],
    [`${depth} times ${open} as an acknowledgement`, `31[${deep}]`], [`${depth} times ${open} with bytes`, `51-["message",${HOLE(0)},${deep}]`, BYTES],
    [`${depth} times ${open} to connect`, `0/custom,${open === '[' ? `{"a":${deep}}` : deep}`],
  ];
});

/** A session in which `/` is connected, and how it sends packets of Socket.IO and learns that it ended. */
const WAYS = {
  async websocket(revision) {
    const session = await WebSocketSession.open(server, { revision });
    if (revision === 4) session.send('40');
    await session.receive(2);
    const frame = (packet) => (typeof packet === 'string' ? `4${packet}` : Buffer.concat([Buffer.from(revision === 4 ? [] : [4]), packet]));
    return {
      send: async (packets) => session.send(...packets.map(frame)), ends: () => session.isClosed(), leave: () => session.leave(),
    };
  },
  async polling(revision) {
    const session = await PollingSession.open(server, { revision });
    if (revision === 4) await session.send('40');
    await session.receive(2);
    const text = (packet) => (typeof packet === 'string' ? `4${packet}` : `b${revision === 4 ? '' : '4'}${packet.toString('base64')}`);
    let poll;
    return {
      async send(packets) {
        poll = session.get().catch(() => {}); // its answer is not promised
        const { status } = await session.post(payload(revision, packets.map(text)));
        assert.ok([200, 400].includes(status), `${status}`);
      },
      ends: async () => { await poll; await session.isGone(); },
      leave: () => session.post(payload(revision, ['1'])),
    };
  },
};

for (const [way, open] of Object.entries(WAYS)) {
  for (const revision of [4, 3]) {
    for (const [what, ...packets] of [...CLOSING, ...(revision === 4 ? CLOSING_CONNECTS : [])]) {
      test(`${way} revision ${revision}: ${what} ends the connection: ${String(packets).slice(0, 60)}`, async () => {
        const session = await open(revision);
        await session.send(packets);
        await session.ends();
        await nobodyElseNotices();
      });
    }

    for (const [what, ...packets] of [...HARMLESS, ...DEEP.map(([name, ...rest]) => [`${name} [ours]`, ...rest])]) {
      test(`${way} revision ${revision}: ${what} does no harm`, async () => {
        const session = await open(revision);
        await session.send(packets);
        await nobodyElseNotices();
        await session.leave();
      });
    }
  }
}

test('an event before CONNECT ends the connection', async () => {
  for (const packet of ['42["message"]', '421["message-with-ack"]', '41', '430[]', '451-["message"]', '42/custom,["message"]']) {
    const session = await WebSocketSession.open(server);
    session.send(packet);
    if (packet.startsWith('45')) session.send(BYTES);
    await session.isClosed();
    await nobodyElseNotices();
  }
});

test('CONNECT twice makes no second socket', async () => {
  const before = await server.stats();
  const session = await WebSocketSession.open(server);
  session.send('40', '40', '40');
  await Promise.race([session.closed, session.receive(2)]).catch(() => {}); // closing is right too
  await nobodyElseNotices();
  const { sockets } = await server.stats();
  assert.ok(sockets <= before.sockets + 1, `${sockets} sockets, ${before.sockets} before`);
  session.leave();
});

test('text that is cut within a character costs at most its session', async () => {
  const whole = Buffer.from('42["message","🎲"]');
  for (let end = whole.length - 7; end < whole.length; end += 1) {
    const socket = await WebSocketSession.open(server, { revision: 3 });
    socket.socket.send(whole.subarray(0, end), { binary: false });
    for (const revision of [4, 3]) {
      const polling = await PollingSession.open(server, { revision });
      const cut = whole.subarray(0, end);
      const body = revision === 4 ? cut : Buffer.concat([Buffer.from(`${whole.length}:`), cut]);
      assert.ok([200, 400].includes((await polling.post(body)).status));
    }
    await nobodyElseNotices();
    socket.leave();
  }
});

test('revision 3: lengths that cut a character, and other lengths', async () => {
  for (const body of ['2:4🎲', '1:4ä', '3:4🎲1:6', '0:', '0:0:0:', '00000000001:6', '1:', '999999999999:6', ':', '1::', '6', '\u0660:6', '1:61:61', '4294967297:6', '18446744073709551617:6', ' 1:6', '+1:6']) {
    const session = await PollingSession.open(server, { revision: 3 });
    assert.ok([200, 400].includes((await session.post(body)).status), body);
    await nobodyElseNotices();
  }
});

test('a body of nothing but separators', async () => {
  const session = await PollingSession.open(server);
  assert.ok([200, 400, 413].includes((await session.post('\x1e'.repeat(900_000))).status));
  await nobodyElseNotices();
});

test('base64 that is none costs at most its session', async () => {
  for (const packet of ['b', 'b=', 'b====', 'bA', 'b!!!!', 'bAAAA=AAAA', 'bä', 'b4', 'bb', `b${'A'.repeat(100_001)}`]) {
    for (const revision of [4, 3]) {
      const session = await PollingSession.open(server, { revision, path: '/engine.io/' });
      assert.ok([200, 400].includes((await session.post(payload(revision, [packet]))).status), packet);
    }
    await nobodyElseNotices();
  }
});

test('a flood of packets on one connection is no trouble for another', async () => {
  const flood = await WebSocketSession.open(server);
  flood.send('40', ...numbers(50_000).map((number) => `42["message",${number}]`));
  flood.send('41');
  await nobodyElseNotices();
  flood.leave();
  await nobodyElseNotices();
});

test('after all of it the counters are as they were', async () => {
  await server.statsBecome(former);
});
