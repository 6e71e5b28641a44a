// Events both ways: every kind of argument comes back as it was, in order (CONTRACT section 2).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { COMBINATIONS, SocketIoServer, numbers } from './support.mjs';

let server;
before(async () => { server = await SocketIoServer.start(); });
after(() => server.stop());

const VALUES = [null, true, false, 0, -0.5, 1e21, 5e-324, 2 ** 53, -1, '', 'text', [], [[]], {}, { a: { b: [1, { c: null }] } },
  JSON.parse('{"__proto__":{"x":1},"constructor":2,"":3,"_placeholder":true,"num":0}'), [null, [null]], { '/custom,': '1["x"]' }];

const TEXTS = ['ä', '日本語', '🎲🏳️‍🌈', '\u2028\u2029', '\u0000\u0001\u001e\u001f\u007f', '"\\/\b\f\n\r\t', '\ufeffBOM', '\ufffd\uffff', '</script>', '1:2', 'x'.repeat(70_000)];

/** Halves of pairs, which JSON carries as escapes. */
const LONE_SURROGATES = ['\ud83c', '\udfb2', 'a\ud800b', '\udfb2\ud83c'];

for (const { client, transport, label } of COMBINATIONS) {
  test(`${label}: JSON of every kind`, async () => {
    const peer = await server.open({ client, transport });
    for (const value of VALUES) assert.deepEqual(await peer.echo(value), [value]);
    assert.deepEqual(await peer.echo(...VALUES), VALUES);
    assert.deepEqual(await peer.echo(), []);
  });

  test(`${label}: text of every kind`, async () => {
    const peer = await server.open({ client, transport });
    for (const text of [...TEXTS, ...LONE_SURROGATES]) assert.deepEqual(await peer.echo(text, { [text]: [text] }), [text, { [text]: [text] }]);
  });

  test(`${label}: bytes, alone and in the depths`, async () => {
    const peer = await server.open({ client, transport });
    const [empty, small, all, large] = [Buffer.alloc(0), Buffer.from('x'), Buffer.from(numbers(256)), Buffer.alloc(300_000, 'abc')];
    for (const args of [
      [small], [empty], [all], [large], [empty, empty], ['text', all, 1, [small]], [{ a: { b: [small, { c: all }] }, d: 1 }],
      Array(10).fill(small), [numbers(10).map((number) => ({ number, bytes: Buffer.from(`${number}`) }))],
    ]) assert.deepEqual(await peer.echo(...args), args);
  });

  test(`${label}: bytes and texts of several events keep their order`, async () => {
    const peer = await server.open({ client, transport });
    const events = numbers(500).map((number) => (number % 3 === 0 ? [Buffer.from(`${number}`), number] : [number]));
    for (const args of events) peer.emit('message', ...args);
    assert.deepEqual(await peer.hears(500), events.map((args) => ['message-back', ...args]));
  });

  test(`${label}: 5,000 events arrive once each and in order`, async () => {
    const peer = await server.open({ client, transport });
    for (const number of numbers(5000)) peer.emit('message', number);
    assert.deepEqual(await peer.hears(5000), numbers(5000).map((number) => ['message-back', number]));
  });

  test(`${label}: large events, ASCII and not`, async () => {
    const peer = await server.open({ client, transport });
    for (const text of ['x'.repeat(900_000), 'ü🎲'.repeat(150_000)]) {
      const [back] = await peer.echo(text);
      assert.ok(back === text, `${text.slice(0, 3)}... arrived otherwise`);
    }
  });

  test(`${label}: other events are ignored, whatever their names`, async () => {
    const peer = await server.open({ client, transport });
    for (const event of ['nope', '', 'error', 'Message', 'message ', 'auth', 'message-back', '__proto__', 'toString', 'x'.repeat(10_000), '🎲', '/custom']) {
      // Some names mean something to the client itself; on the wire they are events like others.
      peer.socket.io.engine.write(`2${JSON.stringify([event, 1])}`);
    }
    peer.socket.io.engine.write('2[7,"a number"]');
    assert.deepEqual(await peer.echo('x'), ['x']);
    assert.deepEqual(peer.reasons, []);
  });

  test(`${label}: twenty clients talk at once`, async () => {
    const peers = await Promise.all(numbers(20).map(() => server.open({ client, transport })));
    for (const number of numbers(100)) for (const [sender, peer] of peers.entries()) peer.emit('message', sender, number);
    for (const [sender, peer] of peers.entries()) {
      assert.deepEqual(await peer.hears(100), numbers(100).map((number) => ['message-back', sender, number]));
    }
  });
}
