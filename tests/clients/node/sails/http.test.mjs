// The routes of virtual requests by plain HTTP (CONTRACT section 3).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ask } from '../socketio/engineio.mjs';
import { SailsServer, numbers, roomPath } from './support.mjs';

let server;
let member;
before(async () => {
  server = await SailsServer.start();
  member = await server.call();
});
after(() => server.stop());

/** What every route that needs a socket is asked, rightly. */
const OF_SOCKETS = [
  ['GET', '/me'], ['GET', '/me/rooms'], ['PUT', '/rooms/x/members', {}], ['PUT', '/rooms/x/members'], ['DELETE', '/rooms/x/members', {}], ['DELETE', '/rooms/x/members'],
  ['POST', '/rooms/x/messages', { data: 1 }], ['POST', '/rooms/x/messages'], ['POST', '/messages', { rooms: ['x'], data: 1 }], ['POST', '/blast', { data: 1 }], ['POST', '/blast'],
  ['POST', '/rooms/x/copy', { to: ['y'] }], ['POST', '/rooms/x/remove', { from: ['x'] }], ['POST', '/rooms/x/clear', {}], ['POST', '/rooms/x/clear'],
];

const json = { 'content-type': 'application/json' };

/** Asks, with a body of JSON if there is one; resolves to `{status, headers, body}`. */
function send(method, path, data, headers = {}) {
  if (data === undefined) return ask(server, path, { method, headers });
  const body = JSON.stringify(data);
  return ask(server, path, { method, headers: { ...json, 'content-length': Buffer.byteLength(body), ...headers }, body });
}

test('/echo says what it was asked', async () => {
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    for (const body of [{ b: 2, deep: { list: [1, null, 'ü🎲'] } }, {}, [1, [2]], []]) {
      const answer = await send(method, '/echo?a=1&c=%C3%BC', body);
      assert.equal(answer.status, 200);
      assert.match(answer.headers['content-type'], /^application\/json/);
      assert.deepEqual(JSON.parse(answer.body), { method, path: '/echo', query: { a: '1', c: 'ü' }, body, isSocket: false });
    }
  }
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
    const answer = await send(method, '/echo');
    const { body = {}, ...rest } = JSON.parse(answer.body);
    assert.deepEqual([answer.status, rest, body], [200, { method, path: '/echo', query: {}, isSocket: false }, {}]);
  }
});

test('/echo gives the header x-echo back, its name without case', async () => {
  for (const name of ['x-echo', 'X-Echo', 'X-ECHO']) {
    const { status, headers } = await send('POST', '/echo', {}, { [name]: 'two words' });
    assert.deepEqual([status, headers['x-echo']], [200, 'two words']);
  }
  assert.equal((await send('GET', '/echo')).headers['x-echo'], undefined);
});

test('fetch, as programs ask', async () => {
  const response = await fetch(server.url('/echo?q=1'), { method: 'POST', headers: { ...json, 'X-Echo': 'yes' }, body: '{"a":[1]}' });
  assert.deepEqual([response.status, response.headers.get('x-echo'), (await response.json()).body], [200, 'yes', { a: [1] }]);
});

test('/text is text, /status has its code, /boom is 500', async () => {
  const text = await send('GET', '/text');
  assert.deepEqual([text.status, text.body], [200, 'just text']);
  assert.match(text.headers['content-type'], /^text\//);
  for (const code of [200, 201, 202, 301, 400, 403, 404, 405, 418, 500, 503, 599]) {
    const { status, body } = await send('GET', `/status/${code}`);
    assert.deepEqual([status, JSON.parse(body)], [code, { code }]);
  }
  for (const code of [204, 304]) {
    const { status, body } = await send('GET', `/status/${code}`);
    assert.deepEqual([status, body], [code, '']);
  }
  assert.equal((await send('GET', '/boom')).status, 500);
  assert.equal((await send('GET', '/text')).status, 200);
});

test('HEAD is GET without a body', async () => {
  for (const path of ['/text', '/echo', '/rooms/x']) {
    const { status, body } = await send('HEAD', path);
    assert.deepEqual([path, status, body], [path, 200, '']);
  }
});

test('a room counts its sockets', async () => {
  await member.ok('put', roomPath('ünï/code', '/members'));
  const { status, body } = await send('GET', roomPath('ünï/code'));
  assert.deepEqual([status, JSON.parse(body)], [200, { room: 'ünï/code', members: 1 }]);
});

test('what needs a socket is 400, whatever the body, and does nothing', async () => {
  await member.ok('put', '/rooms/x/members');
  const rooms = await member.rooms();
  for (const [method, path, body] of OF_SOCKETS) {
    for (const each of [body, undefined, {}, { ids: 5, rooms: 5, event: 5 }, { ids: [member.id], to: ['y'], from: ['x'], rooms: ['x'] }]) {
      assert.deepEqual([method, path, (await send(method, path, method === 'GET' ? undefined : each)).status], [method, path, 400]);
    }
  }
  await member.settle();
  assert.deepEqual([member.heard(), await member.rooms()], [[], rooms]);
});

test('what is not there is 404 Not Found, also by another method', async () => {
  const unknown = [['GET', '/nope'], ['POST', '/nope'], ['PUT', '/text'], ['DELETE', '/text'], ['POST', '/status/200'], ['POST', '/boom'], ['POST', '/me'], ['PUT', '/me/rooms'], ['GET', '/messages'],
    ['PUT', '/messages'], ['GET', '/blast'], ['DELETE', '/blast'], ['PATCH', '/rooms/x'], ['POST', '/rooms/x'], ['GET', '/rooms/x/members'], ['POST', '/rooms/x/members'], ['PUT', '/rooms/x/messages'],
    ['GET', '/rooms/x/copy'], ['PUT', '/rooms/x/remove'], ['DELETE', '/rooms/x/clear'], ['GET', '/rooms'], ['GET', '/rooms/x/y'], ['POST', '/rooms/x/members/y'], ['GET', '/status'], ['POST', '/__getcookie']];
  for (const [method, path] of unknown) {
    for (const body of method === 'GET' ? [undefined] : [undefined, { a: 1 }]) {
      const answer = await send(method, path, body);
      assert.deepEqual([method, path, answer.status, answer.body], [method, path, 404, 'Not Found']);
    }
  }
});

test('a % that cannot be decoded is 400', async () => {
  for (const bad of ['%', '%zz', 'a%2', '%ff', '%C3', '%ED%A0%80']) {
    for (const [method, path] of [['GET', `/rooms/${bad}`], ['PUT', `/rooms/${bad}/members`], ['POST', `/rooms/${bad}/messages`], ['GET', `/status/${bad}`]]) {
      assert.deepEqual([path, (await send(method, path)).status], [path, 400]);
    }
  }
});

test('a body that is no JSON is refused, and nothing else', async () => {
  for (const body of ['{', '{"a":}', '[1,', 'text', '{"a":1}}', '\u0000', '{"a":"\u0000"}']) {
    const { status } = await ask(server, '/echo', { method: 'POST', headers: json, body });
    assert.ok(status >= 400 && status < 500, `${JSON.stringify(body)}: ${status}`);
  }
  assert.equal((await send('GET', '/text')).status, 200);
});

test('a large body is echoed, an enormous one refused [ours]', async () => {
  const { status, body } = await send('POST', '/echo', { text: 'x'.repeat(500_000) });
  assert.deepEqual([status, JSON.parse(body).body.text.length], [200, 500_000]);
  const outcome = await send('POST', '/echo', { text: 'x'.repeat(20_000_000) }).then((answer) => answer.status, () => 'reset');
  assert.ok([413, 'reset'].includes(outcome), `${outcome}`);
});

test('a hundred at once, beside a socket that asks as many', async () => {
  const answers = await Promise.all(numbers(100).flatMap((number) => [
    send('POST', `/echo?n=${number}`, { number }).then(({ body }) => JSON.parse(body)),
    member.ok('post', `/echo?n=${number}`, { number }),
  ]));
  const wanted = numbers(100).flatMap((number) => [false, true].map((isSocket) => (
    { method: 'POST', path: '/echo', query: { n: `${number}` }, body: { number }, isSocket })));
  assert.deepEqual(answers, wanted);
});

test('/__getcookie is the script that a page from elsewhere loads before it connects', async () => {
  const { status, headers, body } = await send('GET', '/__getcookie');
  assert.deepEqual([status, body], [200, '_sailsIoJSConnect();']);
  assert.match(headers['content-type'], /^application\/javascript/);
});
