// Pages of other hosts: refused unless ORIGINS names them, for every kind of request.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PollingSession, VARIANTS, ask, payload, upgradeStatus } from './engineio.mjs';
import { SocketIoServer } from './support.mjs';

let server;
let open;
before(async () => {
  [server, open] = await Promise.all([SocketIoServer.start(), SocketIoServer.start({ ORIGINS: 'https://one.example,http://two.example:8080' })]);
});
after(() => Promise.all([server.stop(), open.stop()]));

const FOREIGN = ['http://foreign.example', 'https://foreign.example', 'null', 'http://127.0.0.1', 'http://127.0.0.1:1', 'http://127.0.0.1.foreign.example', 'file://'];

for (const { path, revision, label } of VARIANTS) {
  const target = `${path}?EIO=${revision}&transport`;

  test(`${label}: a page of another host is refused [ours]`, async () => {
    for (const origin of FOREIGN) {
      const { status, headers } = await ask(server, `${target}=polling`, { headers: { origin } });
      assert.deepEqual([origin, status, headers['access-control-allow-origin']], [origin, 403, undefined]);
      assert.equal(await upgradeStatus(server, `${target}=websocket`, { headers: { origin } }), 403);
    }
  });

  test(`${label}: it cannot talk into a session that it knows [ours]`, async () => {
    const session = await PollingSession.open(server, { path, revision });
    const headers = { origin: 'http://foreign.example' };
    assert.equal((await session.get({ headers })).status, 403);
    assert.equal((await session.post(payload(revision, ['1']), { headers })).status, 403);
    assert.equal(await upgradeStatus(server, `${target}=websocket&sid=${session.sid}`, { headers }), 403);
    await session.isThere();
  });

  test(`${label}: the server's own pages and clients without a page [ours]`, async () => {
    const origin = `http://${server.host}:${server.port}`;
    const { status, headers } = await ask(server, `${target}=polling`, { headers: { origin } });
    assert.deepEqual([status, headers['access-control-allow-origin']], [200, origin]);
    assert.equal(await upgradeStatus(server, `${target}=websocket`, { headers: { origin } }), 101);
    const plain = await ask(server, `${target}=polling`);
    assert.equal(plain.status, 200);
    assert.notEqual(plain.headers['access-control-allow-origin'], '*');
  });

  test(`${label}: with ORIGINS, the pages that are named, and no others [ours]`, async () => {
    for (const origin of ['https://one.example', 'http://two.example:8080']) {
      const { status, headers } = await ask(open, `${target}=polling`, { headers: { origin } });
      assert.deepEqual([status, headers['access-control-allow-origin']], [200, origin]);
      assert.equal(await upgradeStatus(open, `${target}=websocket`, { headers: { origin } }), 101);
    }
    for (const origin of ['http://one.example', 'http://two.example', 'http://one.example.foreign.example', 'null']) {
      assert.equal((await ask(open, `${target}=polling`, { headers: { origin } })).status, 403, origin);
      assert.equal(await upgradeStatus(open, `${target}=websocket`, { headers: { origin } }), 403);
    }
  });

  test(`${label}: a named page may read every answer of its session [ours]`, async () => {
    const headers = { origin: 'https://one.example' };
    const session = await PollingSession.open(open, { path, revision });
    const [posted, unknown] = await Promise.all([session.post(payload(revision, ['6']), { headers }), ask(open, `${target}=polling&sid=abc`, { headers })]);
    assert.deepEqual([posted.status, unknown.status], [200, 400]);
    for (const answer of [posted, unknown]) assert.equal(answer.headers['access-control-allow-origin'], headers.origin);
  });

  test(`${label}: a browser that asks first is told what a named page may do [ours]`, async () => {
    const asked = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-token' };
    const { status, headers } = await ask(open, `${target}=polling`, { method: 'OPTIONS', headers: { origin: 'https://one.example', ...asked } });
    assert.ok(status < 300, `${status}`);
    assert.equal(headers['access-control-allow-origin'], 'https://one.example');
    assert.equal(headers['access-control-allow-credentials'], 'true');
    assert.match(headers['access-control-allow-methods'], /POST/);
    assert.match(headers['access-control-allow-headers'], /x-token/i);
    assert.match(headers.vary, /origin/i, 'no cache gives it to another page');
    const foreign = await ask(open, `${target}=polling`, { method: 'OPTIONS', headers: { origin: 'http://foreign.example', ...asked } });
    assert.equal(foreign.headers['access-control-allow-origin'], undefined);
  });
}
