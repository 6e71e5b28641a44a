// Events of a method's name that are no request, old SDKs, and names that only look like a method (CONTRACT section 3).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { WebSocketSession } from '../socketio/engineio.mjs';
import { DEADLINE, SDK_QUERY, SailsServer, numbers, within } from './support.mjs';

let server;
let bystander;
before(async () => {
  server = await SailsServer.start();
  bystander = await server.call();
});
after(() => server.stop());

const METHODS = ['get', 'post', 'put', 'patch', 'delete', 'options', 'head'];

/** What has no usable url. */
const UNUSABLE = [{}, { url: '' }, { url: 5 }, { url: 0 }, { url: null }, { url: true }, { url: false }, { url: ['/text'] }, { url: {} }, { data: { url: '/text' } },
  { URL: '/text' }, { uri: '/text' }, 'text', '/text', 5, 0, true, false, [], ['/text'], [{ url: '/text' }]];

/** What kills a real Sails, one message each; so does no argument at all. */
const DEADLY = [null, { url: 'http://[bad' }];

/** One that hears what it is told of requests that cannot be read, and its server goes on to answer others. */
async function connected(options) {
  const client = await server.call(options);
  client.errors = [];
  client.socket.on('sails:parseError', (...args) => client.errors.push(args));
  return client;
}

/** The arguments of an acknowledgement. */
const acknowledged = (client, ...args) => within(DEADLINE, new Promise((resolve) => { client.socket.emit(...args, (...answer) => resolve(answer)); }),
  () => `no acknowledgement of ${JSON.stringify(args)}`);

/** The server answers this client and another one. */
async function isWell(client) {
  for (const each of [client, bystander]) assert.equal(await each.ok('get', '/text'), 'just text');
}

/** One object that says that it went wrong; its status is not 200. */
function isRefusal(answer, what) {
  assert.equal(answer.length, 1, what);
  assert.ok(answer[0] !== null && typeof answer[0] === 'object' && !Array.isArray(answer[0]), what);
  assert.notEqual(answer[0].statusCode, 200, what);
}

for (const client of ['4.8', '2.5']) {
  for (const transport of ['websocket', 'polling']) {
    const options = { client, transport };
    const label = `${client} ${transport}`;

    test(`${label}: without a usable url the acknowledgement says so`, async () => {
      const caller = await connected(options);
      for (const method of METHODS) {
        for (const request of UNUSABLE) isRefusal(await acknowledged(caller, method, request), JSON.stringify(request));
      }
      await isWell(caller);
      assert.deepEqual(caller.errors, []);
    });

    test(`${label}: without a usable url and without an acknowledgement an event says so`, async () => {
      const caller = await connected(options);
      for (const method of METHODS) for (const request of UNUSABLE) caller.socket.emit(method, request);
      await isWell(caller);
      assert.equal(caller.errors.length, METHODS.length * UNUSABLE.length);
      for (const error of caller.errors) isRefusal(error);
    });

    test(`${label}: what kills a real Sails is refused like the others [ours]`, async () => {
      const caller = await connected(options);
      for (const method of METHODS) {
        for (const request of DEADLY) isRefusal(await acknowledged(caller, method, request), JSON.stringify(request));
      }
      assert.deepEqual(caller.errors, []);
      for (const method of METHODS) for (const request of DEADLY) caller.socket.emit(method, request);
      for (const method of METHODS) caller.socket.emit(method);
      await isWell(caller);
      assert.equal(caller.errors.length, METHODS.length * (DEADLY.length + 1));
      for (const error of caller.errors) isRefusal(error);
    });

    test(`${label}: an acknowledgement and no argument at all: refused in one way or the other`, async () => {
      const caller = await connected(options);
      for (const method of METHODS) {
        const answer = [];
        caller.socket.emit(method, (...args) => answer.push(args));
        await isWell(caller);
        const said = [...answer, ...caller.errors.splice(0)];
        assert.equal(said.length, 1, method);
        isRefusal(said[0], method);
      }
    });

    test(`${label}: names that only look like a method are events like others, and ignored`, async () => {
      const caller = await connected(options);
      const answers = [];
      const names = ['GET', 'Get', 'gEt', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'get ', ' get', 'trace', 'connect!', 'request', 'link', 'search', 'del', 'all', '__proto__', 'constructor', ''];
      for (const name of names) {
        caller.socket.emit(name, { method: 'get', headers: {}, data: {}, url: '/text' }, (answer) => answers.push([name, answer]));
        caller.socket.emit(name, { url: '' });
      }
      await isWell(caller);
      assert.deepEqual([answers, caller.errors], [[], []]);
    });

    test(`${label}: without an acknowledgement the request is carried out`, async () => {
      const caller = await connected(options);
      caller.socket.emit('put', { url: '/rooms/silent/members' });
      caller.socket.emit('get', { url: '/nope' });
      caller.socket.emit('get', { url: '/boom' });
      caller.socket.emit('get', { url: '/rooms/%' });
      await isWell(caller);
      assert.deepEqual([await caller.rooms(), caller.errors], [['silent'], []]);
    });

    test(`${label}: an SDK that is too old is told so, request for request`, async () => {
      for (const version of ['0.10.9', '0.9.0', '0.10.99', '0.0.0', '0.1.11']) {
        const caller = await connected({ ...options, query: { ...SDK_QUERY, __sails_io_sdk_version: version } });
        for (const method of METHODS) isRefusal(await acknowledged(caller, method, { method, headers: {}, data: {}, url: '/text' }), version);
        caller.socket.emit('get', { url: '/text' });
        isRefusal(await acknowledged(caller, 'get', { url: '/text' }), version);
        assert.equal(caller.errors.length, 1, version);
        isRefusal(caller.errors[0], version);
        await bystander.ok('post', `/rooms/${caller.id}/messages`, { event: 'news', data: 'it still hears' });
        isRefusal(await acknowledged(caller, 'get', { url: '/text' }), version);
        assert.deepEqual(caller.heard(), [['news', 'it still hears']]);
        caller.leave();
      }
    });

    test(`${label}: an SDK from 0.11 on is served`, async () => {
      for (const version of ['0.11.0', '0.11.5', '0.12.13', '0.13.8', '0.13.8-rc.1', '1.0.0', '1.0.0-beta.7', '1.2.1', '1.10.0', '2.0.0', '10.0.0']) {
        const caller = await connected({ ...options, query: { ...SDK_QUERY, __sails_io_sdk_version: version } });
        await isWell(caller);
        caller.leave();
      }
    });

    test(`${label}: a client that names no version is served [ours]`, async () => {
      const caller = await connected({ ...options, query: {} });
      await isWell(caller);
      assert.deepEqual(await caller.rooms(), []);
    });

    test(`${label}: a version that is none does no harm [ours]`, async () => {
      for (const version of ['', 'abc', '1', '0.11', '1.2', '1.2.3.4', '-1.0.0', '1e9.0.0', '99999999999999999999.0.0', ' 1.2.1', '1.2.1,0.9.0', '0x1.0.0', '١.٢.٣', '\u0000', 'v1.2.1', '1.2.1'.repeat(1000)]) {
        const caller = await connected({ ...options, query: { ...SDK_QUERY, __sails_io_sdk_version: version } });
        const [answer] = await acknowledged(caller, 'get', { url: '/text' });
        assert.equal(typeof answer, 'object', version);
        await isWell(bystander);
        caller.leave();
      }
    });
  }
}

test('requests of any other shape do no harm [ours]', async () => {
  const caller = await connected();
  const text = { url: '/text' };
  const shapes = [[text, 'no function'], [text, null], [text, text], [text, 1, 2, 3], [{ url: '/echo', method: 5 }], [{ url: '/echo', headers: null }], [{ url: '/echo', headers: 'x' }],
    [{ url: '/echo', headers: ['x'] }], [{ url: '/echo', headers: { 'x-echo': { deep: 1 }, '': 'x', 'bad name': 'x', bad: 'line\r\nfeed', ü: 'ü', n: 5, l: ['a'], none: null } }],
    [{ url: '/echo', headers: { 'x-echo': 'ü🎲' } }], [{ url: '/echo', headers: { 'x-echo': 'line\r\nset-cookie: a=b' } }], [{ url: '/echo', headers: { host: '', cookie: 5, origin: {}, 'content-length': '9', 'transfer-encoding': 'chunked' } }],
    [{ url: '/echo', data: 'text' }], [{ url: '/echo', data: 5 }], [{ url: '/echo', data: null }], [{ url: '/echo', data: [1] }], [{ url: '/echo', params: 5, data: { a: 1 } }],
    [{ url: '/echo', data: { bytes: Buffer.from('bytes') } }], [Buffer.from('bytes')], [{ url: Buffer.from('/text') }], [{ url: '/echo', headers: { 'x-echo': Buffer.from('x') } }],
    [{ url: '/'.repeat(100_000) }], [{ url: `/echo?${'a=1&'.repeat(50_000)}` }], [{ url: `/rooms/${'x'.repeat(300_000)}` }], [{ url: '/echo\u0000' }], [{ url: '\u0000' }], [{ url: ' ' }], [{ url: '/echo\r\n\r\nGET /' }],
    [{ url: '/../../etc/passwd' }], [{ url: 'http://' }], [{ url: '//[bad' }], [{ url: 'http://[::1' }], [{ url: 'http://a:port/text' }], [{ url: 'javascript:alert(1)' }], [{ url: '*' }], [{ url: '?' }], [{ url: '#' }], [{ url: '/ü' }], [{ url: '/rooms/\ud800' }], [{ url: '/status/0' }],
    [{ url: '/status/99' }], [{ url: '/status/1000' }], [{ url: '/status/-1' }], [{ url: '/status/abc' }], [{ url: '/status/100' }], [{ url: '/status/200.5' }], [{ url: '/status/99999999999999999999' }]];
  for (const args of shapes) await doesNoHarm(caller, args);
  await isWell(caller);
});

test('data of any depth does no harm', async () => {
  for (const levels of [50, 500, 5000, 100_000]) {
    const session = await WebSocketSession.open(server, { revision: 3, query: '&__sails_io_sdk_version=1.2.1' });
    session.send(`420["post",{"url":"/echo","data":{"deep":${'['.repeat(levels)}${']'.repeat(levels)}}}]`);
    await bystander.settle();
    session.leave();
  }
});

/** Whatever comes of these arguments, others are answered. */
async function doesNoHarm(caller, args) {
  for (const method of METHODS) caller.socket.emit(method, ...args);
  for (const method of ['get', 'put']) caller.socket.emit(method, ...args, () => {});
  await within(DEADLINE, bystander.settle(), () => `no answer to a bystander after ${JSON.stringify(args).slice(0, 200)}`);
}

test('a flood of them ends nobody else\'s connection', async () => {
  const caller = await connected();
  for (const number of numbers(3000)) caller.socket.emit('get', { url: number });
  await isWell(caller);
  assert.equal(caller.errors.length, 3000);
});
