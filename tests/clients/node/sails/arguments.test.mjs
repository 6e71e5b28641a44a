// What the routes of rooms take and what they refuse: names, events, lists (CONTRACT sections 3 and 4).

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { RESERVED, SailsServer, roomPath } from './support.mjs';

let server;
let client;
let witness;
before(async () => {
  server = await SailsServer.start();
  [client, witness] = await Promise.all([server.call({ sdk: true, client: '2.5' }), server.call()]);
});
after(() => server.stop());
beforeEach(async () => {
  for (const each of [client, witness]) {
    await each.ok('post', roomPath(each.id, '/clear'));
    await each.ok('put', '/rooms/home/members');
    each.heard();
  }
});

const NAMES = ['x', ' ', '  two spaces  ', 'a/b', 'sl/ash/', '?q=1#h', '100%', '%2F', 'a,b', 'a;b', 'a+b', '"quoted"', "it's", 'back\\slash', 'tab\tline\nfeed', '\u0000',
  'null', 'undefined', 'true', '0', '[]', '{}', '__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'everybody', '*', '#', '/', ':room', 'members', 'a:b',
  'Zürich', '日本語の部屋', 'комната', 'غرفة', '🎲', '👩‍👩‍👧‍👦', '\u202eright to left', 'zero\u200bwidth', '\ufeff', '\u{10ffff}', 'é', 'e\u0301', 'É', 'x'.repeat(400), 'λ'.repeat(400), '🎲'.repeat(400)];

test('every name is a room of its own: joined, listed, counted, reached, copied, left', async () => {
  for (const name of NAMES) assert.deepEqual(await client.ok('put', roomPath(name, '/members')), { ok: true });
  assert.deepEqual(await client.rooms(), [...NAMES, 'home'].sort());
  for (const name of NAMES) {
    assert.deepEqual(await witness.ok('get', roomPath(name)), { room: name, members: 1 });
    assert.equal(await server.members(name), 1);
    await witness.ok('post', roomPath(name, '/messages'), { data: name });
  }
  await witness.ok('post', '/messages', { rooms: NAMES, event: 'news', data: 'all', once: true });
  await client.settle();
  assert.deepEqual(client.heard(), [...NAMES.map((name) => ['message', name]), ['news', 'all']]);
  await witness.ok('post', '/rooms/home/copy', { to: NAMES });
  for (const name of NAMES) assert.equal(await server.members(name), 2);
  for (const name of NAMES) await client.ok('delete', roomPath(name, '/members'));
  await witness.ok('post', '/rooms/home/remove', { from: NAMES });
  for (const each of [client, witness]) assert.deepEqual(await each.rooms(), ['home']);
});

test('a name may come unescaped, but for what has a meaning in a url', async () => {
  for (const [path, name] of [['/rooms/ü🎲/members', 'ü🎲'], ['/rooms/a b/members', 'a b'], ['/rooms/a+b/members', 'a+b'], ['/rooms/%41%42/members?x=1', 'AB'], ['/rooms/%e6%97%A5/members', '日']]) {
    await client.ok('put', path);
    assert.equal(await server.members(name), 1);
  }
});

test('any event name but a reserved one, in any script', async () => {
  const events = ['news', 'get', 'post', 'hello', 'auth', 'error', 'sails:parseError', '__proto__', 'constructor', 'Connect', 'connect ', 'ä🎲', '"quoted\\"', ' ', '0', 'x'.repeat(500)];
  const heard = [];
  for (const event of events) witness.socket.on(event, (data) => heard.push([event, data]));
  for (const event of events) await client.ok('post', '/rooms/home/messages', { event, data: event });
  await witness.settle();
  assert.deepEqual(heard, events.map((event) => [event, event]));
});

const NO_EVENT = ['', null, true, 0, 5, [], ['news'], {}, ...RESERVED];

test('an event that is no text, empty or reserved is 400, and nobody hears of it', async () => {
  for (const event of NO_EVENT) {
    await client.refused(400, 'post', '/rooms/home/messages', { event, data: 1 });
    await client.refused(400, 'post', '/messages', { rooms: ['home'], event, data: 1 });
    await client.refused(400, 'post', '/messages', { rooms: ['home'], event, data: 1, once: true });
    await client.refused(400, 'post', '/blast', { event, data: 1 });
  }
  for (const each of [client, witness]) {
    await each.settle();
    assert.deepEqual(each.heard(), []);
  }
});

test("another socket's id is no room to join: 403; one's own is, without effect", async () => {
  await client.refused(403, 'put', roomPath(witness.id, '/members'), {});
  await client.refused(403, 'put', roomPath(witness.id, '/members'), { ids: [client.id] });
  await client.refused(403, 'put', roomPath(witness.id, '/members'), { ids: [client.id, witness.id] });
  await client.ok('put', roomPath(client.id, '/members'));
  await client.ok('put', roomPath(client.id, '/members'), { ids: [client.id] });
  await client.ok('delete', roomPath(client.id, '/members'));
  await client.ok('delete', roomPath(witness.id, '/members'));
  for (const each of [client, witness]) {
    assert.equal(await server.members(each.id), 1);
    assert.deepEqual(await each.rooms(), ['home']);
  }
});

const NO_LIST = [null, true, 0, '', 'home', {}, [], ['home', ''], [null], [1], [['home']], [{}]];

test('lists of another kind are refused and change nothing', async () => {
  for (const list of NO_LIST) {
    for (const [method, path, data] of [['put', '/rooms/other/members', { ids: list }], ['delete', '/rooms/home/members', { ids: list }], ['post', '/messages', { rooms: list, data: 1 }],
      ['post', '/rooms/home/copy', { to: list }], ['post', '/rooms/home/remove', { from: list }]]) {
      const { statusCode } = await client.ask(method, path, data);
      assert.ok(statusCode >= 400 && statusCode < 500, `${method} ${path} ${JSON.stringify(data)}: ${statusCode}`);
    }
  }
  for (const [path, data] of [['/messages', { data: 1 }], ['/rooms/home/copy', {}], ['/rooms/home/remove', {}]]) {
    const { statusCode } = await client.ask('post', path, data);
    assert.ok(statusCode >= 400 && statusCode < 500, `${path}: ${statusCode}`);
  }
  for (const each of [client, witness]) {
    assert.deepEqual(await each.rooms(), ['home']);
    assert.deepEqual(each.heard(), []);
  }
});

test('a body that is no object is refused and changes nothing [ours]', async () => {
  for (const body of [[], [['home']], [[client.id]], ['home', 'message', 1, false, false], 'home', 5, true]) {
    for (const [method, path] of [['put', '/rooms/other/members'], ['delete', '/rooms/home/members'], ['post', '/messages'], ['post', '/rooms/home/messages'],
      ['post', '/blast'], ['post', '/rooms/home/copy'], ['post', '/rooms/home/remove']]) {
      const answer = await witness.ask(method, path, body); // sails.io.js sends nothing but objects
      assert.deepEqual([method, path, answer.statusCode, answer.body], [method, path, 400, 'the body has to be a JSON object']);
    }
  }
  for (const each of [client, witness]) {
    await each.settle();
    assert.deepEqual([await each.rooms(), each.heard()], [['home'], []]);
  }
});

test('omit and once of another kind are refused [ours]', async () => {
  for (const flag of [0, 1, '', 'yes', [], {}]) {
    for (const [path, data] of [['/rooms/home/messages', { omit: flag }], ['/messages', { rooms: ['home'], omit: flag }], ['/messages', { rooms: ['home'], once: flag }], ['/blast', { omit: flag }]]) {
      const { statusCode } = await client.ask('post', path, { data: 1, ...data });
      assert.ok(statusCode >= 400 && statusCode < 500, `${path} ${JSON.stringify(data)}: ${statusCode}`);
    }
  }
  for (const each of [client, witness]) {
    await each.settle();
    assert.deepEqual(each.heard(), []);
  }
});

test('arguments may come by either name, and what a route does not know is ignored', async () => {
  const emit = (method, request) => new Promise((resolve) => { witness.socket.emit(method, request, resolve); });
  const { statusCode } = await emit('post', { url: '/messages', params: { rooms: ['home'], data: 'by params', to: 5, ids: 5 } });
  assert.equal(statusCode, 200);
  const merged = await emit('post', { url: '/messages', params: { rooms: ['nobody'], event: 'news' }, data: { rooms: ['home'], data: 'merged' } });
  assert.equal(merged.statusCode, 200);
  await client.settle();
  assert.deepEqual(client.heard(), [['message', 'by params'], ['news', 'merged']]);
});
