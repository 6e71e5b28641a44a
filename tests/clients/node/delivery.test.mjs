// What broadcasts deliver: to whom, how often, in which bytes, in which order.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Server, settle } from './support.mjs';

let server;
before(async () => { server = await Server.start(); });
after(() => server.stop());

let names = 0;
/** A room name of its own for each test. */
const room = (label) => `${label} ${++names}`;

test('deliveries, byte for byte', async () => {
  const client = await server.connect();
  const bytes = room('bytes');
  await client.ok('join', { room: bytes });
  const data = ['null', 'true', '0', '-1.5', '""', '"ä \\" \\\\ 🎲"', '[]', '{}', '{"z":1,"a":[{"m":null}]}', '{"__proto__":{"x":1},"constructor":2}', '9007199254740993'];
  for (const json of data) {
    client.deliveries.length = 0;
    await client.exchange(`{"op":"broadcast","rooms":["${bytes}"],"event":"e","data":${json}}`);
    await client.exchange(`{"op":"broadcast","rooms":["${bytes}"],"data":${json}}`);
    await client.exchange(`{"op":"blast","event":"b","data":${json}}`);
    await settle(client);
    assert.deepEqual(client.deliveries, ['e', 'message', 'b'].map((event) => `{"event":"${event}","data":${json}}`));
  }
});

test('without data it is null, without an event it is message', async () => {
  const client = await server.connect();
  const here = room('default');
  await client.ok('join', { room: here });
  await client.ok('broadcast', { rooms: [here] });
  await client.ok('broadcast', { room: here, event: 'named' });
  await client.ok('blast');
  await settle(client);
  assert.deepEqual(client.deliveries, ['{"event":"message","data":null}', '{"event":"named","data":null}', '{"event":"message","data":null}']);
});

test('any other name is an event, in any script', async () => {
  const client = await server.connect();
  const here = room('events');
  await client.ok('join', { room: here });
  const events = ['hello', 'reply', 'ok', 'error', '__proto__', 'Connect', 'connect ', 'ä🎲', '"quoted\\"', 'line\nbreak', '\u0000', ' ', 'x'.repeat(500)];
  for (const event of events) await client.ok('broadcast', { rooms: [here], event, data: 1 });
  await settle(client);
  assert.deepEqual(client.heard().map(([event]) => event), events);
});

test('members hear it, the sender too, others do not', async () => {
  const [ann, ben, outsider] = await server.connectAll(3);
  const here = room('members');
  for (const client of [ann, ben]) await client.ok('join', { room: here });
  await ann.ok('broadcast', { rooms: [here], data: 'from a member' });
  await outsider.ok('broadcast', { rooms: [here], data: 'from outside' });
  await settle(ann, ben, outsider);
  const both = [['message', 'from a member'], ['message', 'from outside']];
  assert.deepEqual([ann.heard(), ben.heard(), outsider.heard()], [both, both, []]);
});

test('omit leaves out the sender and nobody else', async () => {
  const [ann, ben] = await server.connectAll(2);
  const [one, two] = [room('omit'), room('omit')];
  for (const client of [ann, ben]) for (const name of [one, two]) await client.ok('join', { room: name });
  await ann.ok('broadcast', { rooms: [one], data: 1, omit: true });
  await ann.ok('broadcast', { rooms: [one, two], data: 2, omit: true });
  await ann.ok('broadcast', { rooms: [one, two], data: 3, omit: true, once: true });
  await ann.ok('broadcast', { rooms: [one, ann.id], data: 4, omit: true });
  await ann.ok('blast', { data: 5, omit: true });
  await ann.ok('broadcast', { rooms: [one], data: 6, omit: false });
  await settle(ann, ben);
  assert.deepEqual(ann.heard().map(([, data]) => data), [6]);
  assert.deepEqual(ben.heard().map(([, data]) => data), [1, 2, 2, 3, 4, 5, 6]);
});

test('several rooms: one copy a room, with once one copy a socket', async () => {
  const [both, first, none] = await server.connectAll(3);
  const [one, two, empty] = [room('copies'), room('copies'), room('copies')];
  for (const name of [one, two]) await both.ok('join', { room: name });
  await first.ok('join', { room: one });
  await none.ok('broadcast', { rooms: [one, two, empty], data: 'per room' });
  await none.ok('broadcast', { rooms: [one, two, empty], data: 'once', once: true });
  await none.ok('broadcast', { rooms: [one, two], data: 'not once', once: false });
  await none.ok('broadcast', { rooms: [one, both.id], data: 'room and id', once: true });
  await settle(both, first, none);
  const heard = (client) => client.heard().map(([, data]) => data);
  assert.deepEqual(heard(both), ['per room', 'per room', 'once', 'not once', 'not once', 'room and id']);
  assert.deepEqual(heard(first), ['per room', 'once', 'not once', 'room and id']);
  assert.deepEqual(heard(none), []);
});

test('blast reaches every room client once, whatever its rooms', async () => {
  const clients = await server.connectAll(5);
  for (const name of ['blast a', 'blast b']) await clients[0].ok('join', { room: name });
  await clients[4].ok('blast', { event: 'all', data: [1] });
  await settle(clients);
  for (const client of clients) {
    const heard = client.heard().filter(([event]) => event === 'all');
    assert.deepEqual(heard, [['all', [1]]]);
  }
});

test('messages of several senders arrive complete, each sender in order, at every member', async () => {
  const [here, count] = [room('fifo'), 300];
  const clients = await server.connectAll(8);
  for (const client of clients) await client.ok('join', { room: here });
  const senders = clients.slice(0, 4);
  await Promise.all(senders.map((client, sender) => Promise.all(Array.from({ length: count }, (_, number) => {
    const args = { rooms: [here], event: `from ${sender}`, data: number };
    return number % 10 === 9 ? client.ok('broadcast', { ...args, once: true }) : client.ok('broadcast', args);
  }))));
  await settle(clients);
  const wanted = Array.from({ length: count }, (_, number) => number);
  for (const client of clients) {
    const heard = client.heard();
    assert.equal(heard.length, senders.length * count);
    for (const sender of senders.keys()) {
      assert.deepEqual(heard.filter(([event]) => event === `from ${sender}`).map(([, data]) => data), wanted);
    }
  }
});

test('members of one lane see the same order of several senders', async () => {
  const single = await Server.start({ LANES: '1' });
  try {
    const clients = await single.connectAll(6);
    for (const client of clients) await client.ok('join', { room: 'order' });
    await Promise.all(clients.map((client, sender) => Promise.all(Array.from({ length: 200 },
      (_, number) => client.ok('broadcast', { rooms: ['order'], data: [sender, number] })))));
    await settle(clients);
    const [first, ...others] = clients.map((client) => client.deliveries);
    assert.equal(first.length, 6 * 200);
    for (const other of others) assert.deepEqual(other, first);
  } finally {
    await single.stop();
  }
});

test('one sender: broadcasts and blasts keep the order in which they were asked for', async () => {
  const client = await server.connect();
  const here = room('mixed');
  await client.ok('join', { room: here });
  await Promise.all(Array.from({ length: 400 }, (_, data) => (data % 2 === 0
    ? client.ok('broadcast', { rooms: [here], event: 'mixed', data })
    : client.ok('blast', { event: 'mixed', data }))));
  await settle(client);
  const heard = client.heard().filter(([event]) => event === 'mixed');
  assert.deepEqual(heard.map(([, data]) => data), Array.from({ length: 400 }, (_, number) => number));
});

test('large messages reach everybody whole', async () => {
  const [ann, ben] = await server.connectAll(2);
  const here = room('large');
  for (const client of [ann, ben]) await client.ok('join', { room: here });
  for (const size of [1, 125, 126, 127, 16_383, 16_384, 65_535, 65_536, 300_000, 999_000]) {
    const data = 'ä'.repeat(size / 2) + 'x'.repeat(size % 2);
    await ann.ok('broadcast', { rooms: [here], data });
    await settle(ann, ben);
    for (const client of [ann, ben]) {
      assert.equal(client.deliveries.length, 1);
      assert.ok(client.deliveries.pop() === `{"event":"message","data":${JSON.stringify(data)}}`, `${size} bytes arrived otherwise`);
    }
  }
});
