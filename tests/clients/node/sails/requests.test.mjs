// Virtual requests and their answers, by every client over every transport (CONTRACT section 3).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CALLERS, SAILS_CALLERS, SailsServer, numbers, roomPath } from './support.mjs';

let server;
before(async () => { server = await SailsServer.start(); });
after(() => server.stop());

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const NOT_FOUND = { body: 'Not Found', headers: {}, statusCode: 404 };

/** What `/echo` says of a request. */
const echoed = (method, { path = '/echo', query = {}, body = {} } = {}) => ({ method: method.toUpperCase(), path, query, body, isSocket: true });

for (const caller of CALLERS) {
  const { label } = caller;

  test(`${label}: the echo knows the method, the path, the query and the data`, async () => {
    const client = await server.call(caller);
    for (const method of METHODS) {
      const data = { n: 1, text: 'Grüße 🎲', deep: { list: [1, null, true, { a: '' }], none: null } };
      const answer = await client.ask(method, '/echo?a=1&b=x%20y&c=%C3%BC', data);
      assert.deepEqual(answer, { body: echoed(method, { query: { a: '1', b: 'x y', c: 'ü' }, body: data }), headers: {}, statusCode: 200 });
      assert.deepEqual(await client.ok(method, '/echo'), echoed(method));
    }
  });

  test(`${label}: an answer has a body, headers and a status, in this order and nothing else`, async () => {
    const client = await server.call(caller);
    const answers = await Promise.all([client.ask('get', '/echo', {}, { 'x-echo': '1' }), client.ask('get', '/text'), client.ask('get', '/nope')]);
    for (const answer of answers) assert.deepEqual(Object.keys(answer).slice(0, 3), ['body', 'headers', 'statusCode']);
  });

  test(`${label}: a body may be a string, and an object with any status`, async () => {
    const client = await server.call(caller);
    assert.deepEqual(await client.ask('get', '/text'), { body: 'just text', headers: {}, statusCode: 200 });
    for (const code of [200, 201, 202, 204, 301, 302, 304]) {
      assert.deepEqual(await client.ask('get', `/status/${code}`), { body: { code }, headers: {}, statusCode: code });
    }
    for (const code of [400, 401, 403, 404, 405, 409, 418, 429, 500, 503, 599]) {
      const { body, headers, statusCode } = await client.ask('get', `/status/${code}`);
      assert.deepEqual({ body, headers, statusCode }, { body: { code }, headers: {}, statusCode: code });
    }
  });

  test(`${label}: an action that fails is 500, and only its own request`, async () => {
    const client = await server.call(caller);
    const [first, boom, last] = await Promise.all([client.ask('get', '/text'), client.ask('get', '/boom'), client.ask('get', '/text')]);
    assert.deepEqual([first.statusCode, boom.statusCode, last.statusCode], [200, 500, 200]);
  });

  test(`${label}: an unknown route, or a known one by another method, is not found`, async () => {
    const client = await server.call(caller);
    const unknown = [['get', '/nope'], ['post', '/nope?a=1'], ['put', '/text'], ['delete', '/text'], ['post', '/me'], ['get', '/messages'], ['put', '/blast'],
      ['get', '/rooms/a/members'], ['delete', '/rooms/a'], ['get', '/rooms'], ['get', '/rooms/a/b/c'], ['patch', '/rooms/a/copy'], ['get', 'echo'], ['get', 'text'], ['post', '/text']];
    for (const [method, url] of unknown) {
      const { body, headers, statusCode } = await client.ask(method, url);
      assert.deepEqual([method, url, { body, headers, statusCode }], [method, url, NOT_FOUND]);
    }
  });

  test(`${label}: a % that cannot be decoded is 400`, async () => {
    const client = await server.call(caller);
    for (const bad of ['%', '%zz', 'a%2', '%ff', '%C3', '%ED%A0%80']) {
      await client.refused(400, 'get', `/rooms/${bad}`);
      await client.refused(400, 'put', `/rooms/${bad}/members`);
      await client.refused(400, 'post', `/rooms/${bad}/messages`, { data: 1 });
    }
    assert.deepEqual(await client.rooms(), []);
  });

  test(`${label}: headers go both ways, their names without case`, async () => {
    const client = await server.call(caller);
    for (const name of ['x-echo', 'X-Echo', 'X-ECHO']) {
      for (const value of ['hi', 'two words', '1']) {
        const { headers, statusCode } = await client.ask('post', '/echo', {}, { [name]: value, 'X-Other': 'no' });
        assert.deepEqual([statusCode, headers['x-echo'], headers['x-other']], [200, value, undefined]);
      }
    }
    const { headers } = await client.ask('get', '/text', {}, { 'x-echo': 'only /echo does that' });
    assert.deepEqual(headers, {});
  });

  test(`${label}: who it is, and its rooms`, async () => {
    const client = await server.call(caller);
    assert.deepEqual(await client.ask('get', '/me'), { body: { id: client.id }, headers: {}, statusCode: 200 });
    assert.deepEqual(await client.ok('get', '/me/rooms'), { rooms: [client.id] });
    assert.deepEqual(await client.ok('put', '/rooms/a%20room/members'), { ok: true });
    assert.deepEqual(await client.ok('get', '/rooms/a%20room'), { room: 'a room', members: 1 });
    assert.deepEqual(await client.rooms(), ['a room']);
    assert.deepEqual(await client.ok('delete', '/rooms/a%20room/members'), { ok: true });
    assert.deepEqual(await client.ok('get', '/rooms/a%20room'), { room: 'a room', members: 0 });
  });

  test(`${label}: a message to the room of its own id comes back, before or after the answer`, async () => {
    const client = await server.call(caller);
    for (const data of [null, true, 0, -1.5, '', 'ü🎲', [], [1, [2]], {}, { a: { b: null } }]) {
      assert.deepEqual(await client.ok('post', roomPath(client.id, '/messages'), { event: 'news', data }), { ok: true });
      await client.settle();
      assert.deepEqual(client.heard(), [['news', data]]);
    }
    await client.ok('post', roomPath(client.id, '/messages'), {});
    await client.settle();
    assert.deepEqual(client.heard(), [['message', null]]);
  });

  test(`${label}: a thousand at once are each answered rightly`, async () => {
    const client = await server.call(caller);
    const answers = await Promise.all(numbers(1000).map((number) => (number % 5 === 4
      ? client.ask('get', `/status/${200 + number % 300}`)
      : client.ask(METHODS[number % 4], `/echo?n=${number}`, { number }, { 'x-echo': `${number}` }))));
    for (const [number, { body, headers, statusCode }] of answers.entries()) {
      if (number % 5 === 4) {
        assert.deepEqual([body, statusCode], [{ code: statusCode }, 200 + number % 300]);
      } else {
        assert.deepEqual([body, headers], [echoed(METHODS[number % 4], { query: { n: `${number}` }, body: { number } }), { 'x-echo': `${number}` }]);
      }
    }
  });

  test(`${label}: large data both ways`, async () => {
    const client = await server.call(caller);
    const data = { text: 'ü'.repeat(150_000), list: numbers(10_000) };
    assert.ok((await client.ok('post', '/echo', data)).body.text === data.text);
  });
}

for (const caller of SAILS_CALLERS) {
  test(`${caller.label}: many sockets at once keep apart`, async () => {
    const clients = await Promise.all(numbers(20).map(() => server.call(caller)));
    assert.equal(new Set(clients.map(({ id }) => id)).size, 20);
    const ids = await Promise.all(clients.map((client) => client.ok('get', '/me')));
    assert.deepEqual(ids, clients.map(({ id }) => ({ id })));
  });
}
