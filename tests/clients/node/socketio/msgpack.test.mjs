// Clients with the msgpack parser beside clients without it: the parser is a matter of each connection.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import notepack from 'notepack.io';
import parser from 'socket.io-msgpack-parser';
import { PollingSession, WebSocketSession } from './engineio.mjs';
import { SocketIoServer, numbers } from './support.mjs';

let server;
let bystander;
before(async () => {
  server = await SocketIoServer.start({ PING_INTERVAL: '1000', PING_TIMEOUT: '5000' });
  bystander = await server.open();
});
after(() => server.stop());

const TRANSPORTS = ['websocket', 'polling', 'upgrade'];
const NAMED = { parser, query: { parser: 'msgpack' } };

/** Without the parameter the first packet tells: a msgpack client's is bytes. */
const WAYS = { 'named in the query': NAMED, 'found out [ours]': { parser } };

for (const [way, options] of Object.entries(WAYS)) {
  for (const transport of TRANSPORTS) {
    test(`${transport}, ${way}: events of every kind`, async () => {
      const peer = await server.open({ transport, ...options });
      assert.deepEqual(peer.greetings, [{}]);
      const values = [null, true, false, 0, 1, -1, 127, 128, -32, -33, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, -(2 ** 31), -(2 ** 53) + 1, 1.5, -0.1, 5e-324,
        '', 'x'.repeat(31), 'x'.repeat(32), 'x'.repeat(256), 'x'.repeat(70_000), 'ü日🎲\u2028\u0000', [], numbers(16), numbers(70_000), {}, { a: { b: [{ c: null }] } },
        Object.fromEntries(numbers(20).map((number) => [`key ${number}`, number])), { '': 1 }, { _placeholder: true, num: 0 }];
      for (const value of values) assert.deepEqual(await peer.echo(value), [value]);
      assert.deepEqual(await peer.echo(...values), values);
      assert.deepEqual(await peer.echo(), []);
    });

    test(`${transport}, ${way}: bytes are values like others`, async () => {
      const peer = await server.open({ transport, ...options });
      const [empty, small, large] = [Buffer.alloc(0), Buffer.from(numbers(256)), Buffer.alloc(200_000, 'ab')];
      for (const args of [[small], [empty], [large], [[small, { a: small }], 'x', small]]) assert.deepEqual(await peer.echo(...args), args);
    });

    test(`${transport}, ${way}: acknowledgements both ways`, async () => {
      const peer = await server.open({ transport, ...options });
      const bytes = Buffer.from('bytes');
      for (const args of [[], [1], [{ deep: [bytes] }, 'ü', bytes]]) assert.deepEqual(await peer.ask('message-with-ack', ...args), args);
      peer.socket.on('question', (...args) => args.pop()(...args, bytes));
      peer.emit('ask-me', 1, bytes);
      assert.deepEqual(await peer.hears(1), [['answer', 1, bytes, bytes]]);
    });

    test(`${transport}, ${way}: many in order`, async () => {
      const peer = await server.open({ transport, ...options });
      for (const number of numbers(2000)) peer.emit('message', number);
      assert.deepEqual(await peer.hears(2000), numbers(2000).map((number) => ['message-back', number]));
    });
  }

  test(`${way}: namespaces, what a client shows to get in, and what is refused`, async () => {
    const peer = await server.open({ ...options, auth: { token: 'ünï', bytes: [1] } });
    assert.deepEqual(peer.greetings, [{ token: 'ünï', bytes: [1] }]);
    const custom = await peer.also('/custom');
    assert.deepEqual(custom.greetings, [{}]);
    const refused = peer.begun('/nope');
    await refused.becomes(() => refused.errors.length > 0, 'refused');
    assert.deepEqual(refused.errors, ['Invalid namespace']);
    custom.emit('disconnect-me');
    assert.equal(await custom.disconnected(), 'io server disconnect');
    assert.deepEqual(await peer.echo('still here'), ['still here']);
    peer.leave();
  });

  test(`${way}: beside clients of the default parser`, async () => {
    const peers = await Promise.all(numbers(10).map((index) => server.open(index % 2 === 0 ? options : {})));
    const bytes = Buffer.from('bytes');
    const echoes = await Promise.all(peers.map((peer, index) => peer.echo(index, [bytes])));
    assert.deepEqual(echoes, numbers(10).map((index) => [index, [bytes]]));
  });
}

test('packets on the wire: one frame each, also those with bytes', async () => {
  const session = await WebSocketSession.open(server, { query: '&parser=msgpack' });
  session.send(notepack.encode({ type: 0, nsp: '/', data: undefined }));
  const connect = notepack.decode(await session.next());
  assert.deepEqual([connect.type, connect.nsp, typeof connect.data.sid], [0, '/', 'string']);
  const greeting = notepack.decode(await session.next());
  assert.deepEqual([greeting.type, greeting.nsp, greeting.data], [2, '/', ['auth', {}]]);
  const bytes = Buffer.from('bytes');
  session.send(notepack.encode({ type: 2, nsp: '/', data: ['message-with-ack', bytes], id: 7 }));
  const { type, nsp, data, id } = notepack.decode(await session.next());
  assert.deepEqual([type, nsp, data, id], [3, '/', [bytes], 7]);
  assert.deepEqual(session.frames, []);
  session.leave();
});

const packet = (fields) => notepack.encode({ nsp: '/', ...fields });
const bytes = (...parts) => Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from([part].flat()))));
/** A packet whose `data` is what follows. */
const withData = (...data) => bytes(0x83, 0xa4, 'type', 2, 0xa3, 'nsp', 0xa1, '/', 0xa4, 'data', ...data);

/** What has to close the connection: bytes that are no packet, and packets that are not allowed. */
const CLOSING = {
  'nothing': Buffer.alloc(0),
  'no map': Buffer.from([1]),
  'a map without an end': Buffer.from([0x81]),
  'a type that does not exist': packet({ type: 9, data: ['message'] }),
  'a type that is a text': packet({ type: '2', data: ['message'] }),
  'no type': packet({ data: ['message'] }),
  'a namespace that is no text': packet({ type: 2, nsp: 7, data: ['message'] }),
  'an event without a list': packet({ type: 2, data: 'message' }),
  'an event without a name': packet({ type: 2, data: [] }),
  'an event whose name is a list': packet({ type: 2, data: [['message']] }),
  'an acknowledgement without a list': packet({ type: 3, data: { 0: 1 }, id: 1 }),
  'an ack id that is a text': packet({ type: 2, data: ['message-with-ack'], id: '1' }),
  'an event of a namespace that is not connected': packet({ type: 2, nsp: '/custom', data: ['message'] }),
  'a text that is longer than the rest': withData(0x92, 0xa7, 'message', 0xdb, 0xff, 0xff, 0xff, 0xff, 'x'),
  'a list that is longer than the rest': withData(0xdd, 0xff, 0xff, 0xff, 0xff, 0xa7, 'message'),
  'a map that is larger than the rest': withData(0x92, 0xa7, 'message', 0xdf, 0xff, 0xff, 0xff, 0xff),
  'bytes that are longer than the rest': withData(0x92, 0xa7, 'message', 0xc6, 0xff, 0xff, 0xff, 0xff),
  'text that is no UTF-8': withData(0x92, 0xa7, 'message', 0xa2, 0xff, 0xfe),
  'a byte that means nothing': withData(0x92, 0xa7, 'message', 0xc1),
};

/** What Node's parser lets pass, or handles in another way. */
const OURS_ONLY = new Set(['a namespace that is no text', 'an event whose name is a list', 'an ack id that is a text', 'text that is no UTF-8']);

for (const [what, frame] of Object.entries(CLOSING)) {
  test(`${what} ends the connection${OURS_ONLY.has(what) ? ' [ours]' : ''}`, async () => {
    const session = await WebSocketSession.open(server, { query: '&parser=msgpack' });
    session.send(packet({ type: 0 }));
    await session.receive(2);
    session.send(frame);
    await session.isClosed();
    assert.deepEqual(await bystander.echo('still here'), ['still here']);
  });
}

test('what is deep, huge or repeated does no harm', async () => {
  const message = [0x92, 0xa7, 'message'];
  for (const frame of [
    withData(...message, Buffer.alloc(100_000, 0x91), 0xc0), withData(...message, Buffer.alloc(900_000, 0x91)), withData(...message, Buffer.concat(numbers(50_000).map(() => bytes(0x81, 0xa1, 'a'))), 0xc0),
    Buffer.alloc(900_000, 0x81), Buffer.alloc(900_000, 0x91), withData(...message, 0xcf, Buffer.alloc(8, 0xff)), withData(...message, 0xd3, 0x80, Buffer.alloc(7)),
    withData(...message, 0xcb, 0x7f, 0xf8, Buffer.alloc(6)), withData(...message, 0xd4, 1, 1), withData(...message, 0xc7, 0, 0), withData(...message, 0xd6, 0xff, 0, 0, 0, 0),
    withData(...message, 0x81, 1, 2), withData(...message, 0x81, 0xc0, 2), withData(0xdc, 0xff, 0xff, 0xa7, 'message', Buffer.alloc(65_534, 0xc4)),
    packet({ type: 2, data: ['message', ...numbers(1000).map(() => Buffer.from('x'))] }), packet({ type: 2, data: ['message'], id: 2 ** 60 }), packet({ type: 2, data: ['message'], id: -1 }),
    packet({ type: 2, data: ['message'], id: 0.5 }), packet({ type: 2, nsp: `/${'x'.repeat(100_000)}`, data: ['message'] }), packet({ type: 0, nsp: `/${'x'.repeat(100_000)}` }),
  ]) {
    const session = await WebSocketSession.open(server, { query: '&parser=msgpack' });
    session.send(packet({ type: 0 }));
    await session.receive(2);
    session.send(frame);
    assert.deepEqual(await bystander.echo('still here'), ['still here']);
    session.leave();
  }
});

test('one parser a connection: text to a msgpack connection, bytes to another', async () => {
  const packed = await WebSocketSession.open(server, { query: '&parser=msgpack' });
  packed.send(packet({ type: 0 }));
  await packed.receive(2);
  packed.send('42["message"]');
  await packed.isClosed();
  const plain = await WebSocketSession.open(server);
  plain.send('40');
  await plain.receive(2);
  plain.send(packet({ type: 2, data: ['message'] }));
  await plain.isClosed();
  assert.deepEqual(await bystander.echo('still here'), ['still here']);
});

test('an unknown parser is the default one, or refused', async () => {
  for (const name of ['', 'MSGPACK', 'json', 'default', '__proto__']) {
    const outcome = await PollingSession.open(server, { query: `&parser=${name}` }).then((session) => session.send('40').then(() => session.receive(2)), () => 'refused');
    assert.ok(outcome === 'refused' || outcome[1] === '42["auth",{}]', `${outcome}`);
  }
});
