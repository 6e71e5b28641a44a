// What sails.io.js promises its users, kept by the server: answers, requests that wait, sockets that go and come again.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Cable, Caller, SAILS_CALLERS, SDKS, SailsServer, isConnected, numbers, within, DEADLINE } from './support.mjs';

let server;
before(async () => { server = await SailsServer.start(); });
after(() => server.stop());

/** Asks by one of the SDK's own methods; resolves to what the callback is given. */
const asked = (request) => within(DEADLINE, new Promise((resolve) => { request((...args) => resolve(args)); }), () => 'no callback');

const happens = (socket, event) => within(DEADLINE, new Promise((resolve) => { socket.on(event, resolve); }), () => `no ${event}`);

for (const caller of SAILS_CALLERS) {
  const { label } = caller;

  test(`${label}: the answer's object has the text of an error if the status says so`, async () => {
    const { sdk } = await server.call(caller);
    const [body, good] = await asked((done) => sdk.get('/status/399', done));
    assert.equal(body, good.body);
    assert.deepEqual([good.toPOJO(), good.error], [{ body: { code: 399 }, headers: {}, statusCode: 399 }, undefined]);
    for (const [url, status] of [['/status/400', 400], ['/status/599', 599], ['/boom', 500], ['/nope', 404], ['/rooms/%', 400]]) {
      const [, jwr] = await asked((done) => sdk.get(url, done));
      assert.equal(jwr.statusCode, status);
      assert.match(jwr.error.message, new RegExp(`${status}`));
    }
  });

  test(`${label}: each method of the SDK, with data and without`, async () => {
    const { sdk } = await server.call(caller);
    for (const method of ['get', 'post', 'put', 'patch', 'delete']) {
      const [body] = await asked((done) => sdk[method]('/echo', { n: 1 }, done));
      assert.deepEqual([body.method, body.body], [method.toUpperCase(), { n: 1 }]);
      const [plain] = await asked((done) => sdk[method]('/echo?q', done));
      assert.deepEqual([plain.method, plain.body, plain.query], [method.toUpperCase(), {}, { q: '' }]);
    }
    const [head, jwr] = await asked((done) => sdk.request({ method: 'HEAD', url: '/text' }, done));
    assert.deepEqual([head, jwr.statusCode], ['just text', 200]);
  });

  test(`${label}: headers of a socket go with every request, a request's own before them`, async () => {
    const { sdk } = await server.call(caller);
    sdk.headers = { 'x-echo': 'always' };
    const [, general] = await asked((done) => sdk.get('/echo', done));
    const [, own] = await asked((done) => sdk.request({ url: '/echo', headers: { 'x-echo': 'own' } }, done));
    assert.deepEqual([general.headers, own.headers], [{ 'x-echo': 'always' }, { 'x-echo': 'own' }]);
  });

  test(`${label}: without a callback the request is carried out`, async () => {
    const client = await server.call(caller);
    client.sdk.put('/rooms/silent/members');
    client.sdk.post('/rooms/silent/messages', { event: 'news', data: 'heard' });
    await client.settle();
    assert.deepEqual([client.heard(), await client.rooms()], [[['news', 'heard']], ['silent']]);
    await client.ok('delete', '/rooms/silent/members');
  });

  test(`${label}: what is asked before it is connected is answered then, in order`, async () => {
    const socket = server.begin(caller);
    const order = [];
    const bodies = await Promise.all(numbers(20).map(async (number) => {
      const [body] = await asked((done) => socket.post('/echo', { number }, done));
      order.push(number);
      return body.body.number;
    }));
    assert.deepEqual([bodies, order], [numbers(20), numbers(20)]);
  });

  test(`${label}: a query of the user's own and headers of the handshake do no harm`, async () => {
    const { sdk } = await server.call({ ...caller, query: '?token=a%20b&x=1', initialConnectionHeaders: { 'x-own': 'yes' } });
    const [body] = await asked((done) => sdk.get('/text', done));
    assert.equal(body, 'just text');
  });

  test(`${label}: listeners come and go`, async () => {
    const { sdk } = await server.call(caller);
    const heard = [];
    const listen = (data) => heard.push(data);
    const say = async (data) => {
      await asked((done) => sdk.post(`/rooms/${sdk._raw.id}/messages`, { event: 'said', data }, done));
      await asked((done) => sdk.get('/me', done));
    };
    sdk.on('said', listen);
    await say(1);
    sdk.off('said', listen);
    await say(2);
    sdk.on('said', listen);
    await say(3);
    assert.deepEqual(heard, [1, 3]);
  });

  test(`${label}: requests that were under way when the connection broke fail, and only these`, async () => {
    const cable = await Cable.to(server);
    try {
      const { sdk } = await server.call({ ...caller, port: cable.port });
      assert.deepEqual((await asked((done) => sdk.get('/text', done)))[0], 'just text');
      const lost = Promise.all(numbers(3).map(() => asked((done) => sdk.get('/text', done))));
      cable.cut();
      for (const [error, jwr] of await lost) {
        assert.ok(error instanceof Error);
        assert.deepEqual(jwr, { body: null, statusCode: 0, headers: {} });
      }
      assert.equal(sdk.isConnected(), false);
    } finally {
      cable.remove();
    }
  });

  test(`${label}: after the connection broke it comes back as a newcomer, and answers what was asked meanwhile`, async () => {
    const cable = await Cable.to(server);
    try {
      const options = { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 100, port: cable.port };
      const client = await server.call({ ...caller, ...options });
      const { sdk, id } = client;
      await client.ok('put', '/rooms/reconnecting/members');
      const disconnected = happens(sdk, 'disconnect');
      cable.cut();
      await disconnected;
      const waiting = asked((done) => sdk.get('/me', done));
      cable.mend();
      const [me] = await waiting;
      assert.notEqual(me.id, id);
      assert.deepEqual([me.id, await client.rooms()], [client.id, []]);
      await client.ok('post', `/rooms/${me.id}/messages`, { event: 'news', data: 'welcome back' });
      await client.settle();
      assert.deepEqual(client.heard(), [['news', 'welcome back']]);
    } finally {
      cable.remove();
    }
  });

  test(`${label}: it leaves, and connects again when it is told to`, async () => {
    const client = await server.call(caller);
    await client.ok('put', '/rooms/leaving/members');
    const disconnected = happens(client.sdk, 'disconnect');
    client.sdk.disconnect();
    await disconnected;
    await server.membersBecome('leaving', 0);
    client.sdk.reconnect();
    await isConnected(client.sdk);
    const again = Caller.ofSdk(client.sdk);
    assert.notEqual(again.id, client.id);
    assert.deepEqual(await again.rooms(), []);
  });
}

test('the SDK as it is loaded by default connects by WebSocket, once it is given a url', async () => {
  for (const { sails } of Object.values(SDKS)) assert.deepEqual([sails.sdk.version, sails.transports], ['1.2.1', ['websocket']]);
  const client = await server.call({ sdk: true, client: '2.0' });
  assert.equal(client.socket.io.engine.transport.name, 'websocket');
});
