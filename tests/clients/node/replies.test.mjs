// The frame level of the room protocol: hello, replies and their bytes (CONTRACT section 4).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Server, eventually, settle } from './support.mjs';

let server;
before(async () => { server = await Server.start(); });
after(() => server.stop());

test('the first frame is a hello with an id of its own', async () => {
  const clients = await server.connectAll(3);
  for (const client of clients) {
    assert.equal(client.frames[0], `{"event":"hello","data":{"id":"${client.id}"}}`);
    assert.match(client.id, /^[A-Za-z0-9_-]{20}$/);
  }
  assert.equal(new Set(clients.map((client) => client.id)).size, 3);
});

test('successful replies, byte for byte', async () => {
  const client = await server.connect();
  const cases = [
    ['{"id":1,"op":"getId"}', `{"reply":1,"ok":true,"socket":"${client.id}"}`],
    ['{"id":2,"op":"rooms"}', `{"reply":2,"ok":true,"rooms":["${client.id}"]}`],
    ['{"id":3,"op":"join","room":"bytes"}', '{"reply":3,"ok":true}'],
    ['{"id":4,"op":"leave","room":"bytes"}', '{"reply":4,"ok":true}'],
    ['{"id":5,"op":"leaveAll","room":"bytes"}', '{"reply":5,"ok":true}'],
    ['{"id":6,"op":"broadcast","rooms":["bytes"],"data":1}', '{"reply":6,"ok":true}'],
    ['{"id":7,"op":"broadcast","room":"bytes","data":1}', '{"reply":7,"ok":true}'],
    ['{"id":8,"op":"blast","data":1,"omit":true}', '{"reply":8,"ok":true}'],
    ['{"id":9,"op":"addRoomMembersToRooms","room":"bytes","to":["other"]}', '{"reply":9,"ok":true}'],
    ['{"id":10,"op":"removeRoomMembersFromRooms","room":"bytes","from":["other"]}', '{"reply":10,"ok":true}'],
  ];
  for (const [request, reply] of cases) assert.equal(await client.exchange(request), reply);
});

test('a refusal has its keys in order and says why', async () => {
  const client = await server.connect();
  const refusals = ['{"id":"r","op":"nope"}', '{"id":"r","op":"join"}', '{"id":"r"}'];
  for (const request of refusals) {
    const reply = await client.exchange(request);
    assert.match(reply, /^\{"reply":"r","ok":false,"error":"[^"].*"\}$/s);
    assert.deepEqual(Object.keys(JSON.parse(reply)), ['reply', 'ok', 'error']);
  }
});

test('any JSON is an id and comes back as it was', async () => {
  const client = await server.connect();
  const ids = ['0', '-1', '1.5', '9007199254740993', '""', '"x"', '"\\u00e4 \\" \\\\ \\n"', '"ünï🎲"', 'null', 'true', 'false',
    '[]', '{}', '[1,[2,{"three":[null]}]]', '{"z":1,"a":{"__proto__":2}}', JSON.stringify('long '.repeat(1000))];
  for (const id of ids) {
    for (const [op, outcome] of [['getId', 'true'], ['nope', 'false']]) {
      const reply = await client.exchange(`{"id":${id},"op":"${op}"}`);
      const head = '{"reply":';
      assert.ok(reply.startsWith(head) && reply.includes(`,"ok":${outcome},`), reply);
      const echoed = reply.slice(head.length, reply.lastIndexOf(`,"ok":${outcome},`));
      assert.deepEqual(JSON.parse(echoed), JSON.parse(id));
      assert.equal(echoed.length <= id.length, true, `${id} came back as ${echoed}`);
    }
  }
  const big = await client.exchange('{"id":9007199254740993,"op":"leave","room":"x"}');
  assert.equal(big, '{"reply":9007199254740993,"ok":true}', 'a number no double holds');
});

test('without an id the reply is to null', async () => {
  const client = await server.connect();
  assert.equal(await client.exchange('{"op":"join","room":"quiet"}'), '{"reply":null,"ok":true}');
  assert.match(await client.exchange('{"op":"nope"}'), /^\{"reply":null,"ok":false,"error":/);
});

test('replies are compact and keys may come in any order, with white space, among others', async () => {
  const client = await server.connect();
  const spacious = ' {\n "data" : { "b" : [ 1 , 2 ] , "a" : "x  y" } ,\t"room":"spacious", "extra": {"op":1}, "op":"broadcast", "id" : [ 1, {} ] }\r\n';
  await client.ok('join', { room: 'spacious' });
  assert.equal(await client.exchange(spacious), '{"reply":[1,{}],"ok":true}');
  await settle(client);
  assert.deepEqual(client.deliveries, ['{"event":"message","data":{"b":[1,2],"a":"x  y"}}']);
});

test('replies come in the order of the requests', async () => {
  const client = await server.connect();
  const last = 2000;
  const ops = [
    (id) => ({ id, op: 'join', room: `order ${id % 7}` }),
    (id) => ({ id, op: 'broadcast', rooms: ['order 1'], data: id }),
    (id) => ({ id, op: 'rooms' }),
    (id) => ({ id, op: 'nope' }),
    (id) => ({ id, op: 'leave', room: `order ${id % 5}` }),
  ];
  for (let id = 1; id < last; id += 1) client.socket.send(JSON.stringify(ops[id % ops.length](id)));
  await eventually(() => assert.equal(client.replies.length, last - 1), 'replies');
  const ids = client.replies.map((text) => JSON.parse(text).reply);
  assert.deepEqual(ids, Array.from({ length: last - 1 }, (_, index) => index + 1));
});

test('text that is no JSON object is refused and the connection stays', async () => {
  const client = await server.connect();
  const texts = ['', ' ', 'hello', '[]', '[{"op":"getId"}]', '1', '-0.5', 'null', 'true', '"text"', '{', '}', '{"op":"getId"', '{"op":"getId"}}',
    '{"op":"getId"} {"op":"getId"}', "{'op':'getId'}", '{op:"getId"}', '{"op":"getId",}', '{"op":"get\nId"}', '{"op":NaN}', '\u0000', '\ufeff{"op":"getId"}',
    '{"id":01,"op":"getId"}', '{"id":1,"op":"getId"', '[[[[['.repeat(1000)];
  for (const text of texts) {
    const reply = await client.exchange(text);
    assert.match(reply, /^\{"reply":null,"ok":false,"error":"[^"].*"\}$/s, `to ${JSON.stringify(text).slice(0, 60)}: ${reply}`);
    assert.ok(JSON.parse(reply).error.length < 1000);
  }
  await client.ok('getId');
});

test('deep nesting harms nobody', async () => {
  const [attacker, other] = await server.connectAll(2);
  for (const depth of [100, 10_000, 400_000]) {
    for (const [open, close] of [['[', ']'], ['{"a":', '}']]) {
      const deep = open.repeat(depth) + '1' + close.repeat(depth);
      if (deep.length > 900_000) continue;
      for (const frame of [`{"id":1,"op":"broadcast","rooms":["x"],"data":${deep}}`, `{"id":${deep},"op":"getId"}`, deep]) {
        const reply = JSON.parse(await attacker.exchange(frame));
        assert.equal(typeof reply.ok, 'boolean');
      }
    }
  }
  await settle(attacker, other);
});

test('a lone surrogate is answered and costs nothing', async () => {
  const client = await server.connect();
  for (const frame of ['{"id":1,"op":"join","room":"\\ud800"}', '{"id":1,"op":"blast","data":"\\udc00","omit":true}', '{"id":"\\ud800","op":"getId"}', '{"id":1,"op":"\\ud800"}']) {
    assert.equal(typeof JSON.parse(await client.exchange(frame)).ok, 'boolean');
  }
  await client.ok('getId');
});
