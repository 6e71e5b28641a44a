// The HTTP side: /, /healthz, /stats, /rooms/:room, and what is not there (CONTRACT sections 3 and 6).

import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { DEADLINE, STATS, Server, within } from './support.mjs';

let server;
before(async () => { server = await Server.start(); });
after(() => server.stop());

test('/ is a page, at once and without a redirect', async () => {
  const { status, headers, body } = await server.request('/');
  assert.equal(status, 200);
  assert.match(headers['content-type'], /^text\/html; ?charset=utf-8$/i);
  assert.match(body, /^\s*<!doctype html>/i);
  for (const [, address] of body.matchAll(/(?:src|href)="([^"]*)"/g)) assert.doesNotMatch(address, /^(?:https?:)?\/\//, 'the page loads nothing from elsewhere');
});

test('/healthz says that the server is well', async () => {
  const { status } = await server.request('/healthz');
  assert.equal(status, 200);
});

test('/stats has six integers as JSON; an idle server has one connection, this one', async () => {
  const { status, headers, body } = await server.request('/stats');
  assert.equal(status, 200);
  assert.match(headers['content-type'], /^application\/json/);
  const all = JSON.parse(body);
  for (const key of STATS) assert.ok(Number.isInteger(all[key]), `${key} is ${all[key]}`);
  await server.statsBecome({ tcp: 1, engine: 0, sockets: 0, websockets: 0, rooms: 0, memberships: 0 });
});

test('/stats counts connections, rooms and memberships, and forgets them', async () => {
  const former = await server.restingStats();
  const [ann, ben, cem] = await server.connectAll(3);
  const echo = await server.connectEcho();
  await server.statsBecome({ tcp: 5, engine: 0, sockets: 0, websockets: 4, rooms: 3, memberships: 3 });
  for (const client of [ann, ben]) await client.ok('join', { room: 'a' });
  await ben.ok('join', { room: 'b' });
  await cem.ok('join', { room: cem.id });
  await server.statsBecome({ tcp: 5, engine: 0, sockets: 0, websockets: 4, rooms: 5, memberships: 6 });
  await ben.ok('leaveAll', { room: 'a' });
  await server.statsBecome({ tcp: 5, engine: 0, sockets: 0, websockets: 4, rooms: 3, memberships: 3 });
  for (const client of [ann, ben, cem, echo]) client.socket.close();
  await server.statsBecome(former);
});

test('/rooms/:room counts members, byte for byte', async () => {
  const { status, headers, body } = await server.request('/rooms/nobody');
  assert.deepEqual([status, body], [200, '{"room":"nobody","members":0}']);
  assert.match(headers['content-type'], /^application\/json/);
  const clients = await server.connectAll(2);
  for (const client of clients) await client.ok('join', { room: 'some' });
  assert.equal((await server.request('/rooms/some')).body, '{"room":"some","members":2}');
  assert.equal((await server.request('/rooms/some?x=1#y')).body, '{"room":"some","members":2}');
  assert.equal((await server.request(`/rooms/${clients[0].id}`)).body, `{"room":"${clients[0].id}","members":1}`);
});

test('a room is percent-decoded after the path is split', async () => {
  const client = await server.connect();
  for (const [path, room] of [['sl%2Fash', 'sl/ash'], ['%E6%97%A5%e6%9c%ac', '日本'], ['a%20b', 'a b'], ['a+b', 'a+b'], ['100%25', '100%'], ['%252F', '%2F'],
    ['%22', '"'], ['__proto__', '__proto__'], ['%00', '\u0000'], ["it's", "it's"], ['a%3Fb', 'a?b'], ['%2e%2E', '..']]) {
    await client.ok('join', { room });
    const { status, body } = await server.request(`/rooms/${path}`);
    assert.deepEqual([path, status, body], [path, 200, JSON.stringify({ room, members: 1 })]);
  }
});

test('a % that cannot be decoded is 400', async () => {
  for (const path of ['%', '%z', '%zz', 'a%2', 'a%2g', '%ff', '%C3', '%ED%A0%80', '%c0%af', 'fine%20until%']) {
    assert.deepEqual([path, (await server.request(`/rooms/${path}`)).status], [path, 400]);
  }
});

test('what is not there is 404 Not Found, with any method', async () => {
  const client = await server.connect();
  await client.ok('join', { room: 'a' });
  for (const path of ['/nope', '/rooms', '/rooms/', '/rooms/a/b', '/ws/nope', '/stats/x', '/healthz/x', '/%2e%2e/etc/passwd', '/../etc/passwd']) {
    const { status, body } = await server.request(path);
    assert.deepEqual([path, status, body], [path, 404, 'Not Found']);
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
    for (const path of ['/rooms/a', '/nope']) {
      const { status, body } = await server.request(path, { method });
      assert.deepEqual([method, path, status, body], [method, path, 404, 'Not Found']);
    }
  }
});

test('a whole request is answered although its client sends no more', async () => {
  const former = await server.restingStats();
  for (const request of ['GET /text HTTP/1.1\r\nHost: a\r\n\r\n', 'GET /text HTTP/1.0\r\n\r\n', 'GET /stats HTTP/1.1\r\nHost: a\r\n\r\n',
    'PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n5', 'GET /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n']) {
    let answer = '';
    const tcp = net.connect({ port: server.port, host: server.host, allowHalfOpen: true });
    tcp.setEncoding('utf8').on('data', (text) => { answer += text; });
    tcp.end(request);
    await within(DEADLINE, once(tcp, 'end'), () => `no end behind ${answer}`);
    assert.match(answer, /^HTTP\/1\.[01] 200 /, request);
  }
  await server.statsBecome({ ...former, engine: former.engine + 1 });
});

test('/ws without an upgrade is refused', async () => {
  for (const path of ['/ws', '/ws/echo']) {
    const { status } = await server.request(path);
    assert.ok(status >= 400 && status < 500, `${path}: ${status}`);
  }
});

test('HTTP answers while room clients are busy', async () => {
  const clients = await server.connectAll(4);
  for (const client of clients) await client.ok('join', { room: 'load' });
  let busy = true;
  const load = Promise.all(clients.map(async (client) => {
    while (busy) await Promise.all(Array.from({ length: 32 }, () => client.ok('broadcast', { rooms: ['load'], data: 'x'.repeat(100) })));
  }));
  for (let round = 0; round < 30; round += 1) {
    assert.equal((await server.request('/healthz')).status, 200);
    assert.equal(await server.members('load'), 4);
  }
  busy = false;
  await load;
});
