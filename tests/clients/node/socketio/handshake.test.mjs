// The first request of an Engine.IO session: what opens one, and what is refused (CONTRACT section 1's table).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ERRORS, PollingSession, VARIANTS, WebSocketSession, ask, isError, payload, upgradeStatus } from './engineio.mjs';
import { SocketIoServer } from './support.mjs';

let server;
before(async () => { server = await SocketIoServer.start({ PING_INTERVAL: '30001', PING_TIMEOUT: '30002', MAX_PAYLOAD: '30003' }); });
after(() => server.stop());

const SETTINGS = { pingInterval: 30001, pingTimeout: 30002, maxPayload: 30003 };

for (const { path, revision, label } of VARIANTS) {
  const query = `?EIO=${revision}&transport`;

  test(`${label}: polling is answered with an open packet, byte for byte`, async () => {
    const { status, headers, body } = await ask(server, `${path}${query}=polling`);
    assert.equal(status, 200);
    assert.match(headers['content-type'], /^text\/plain; ?charset=UTF-8$/i);
    const [sid] = /(?<="sid":")[^"]+/.exec(body);
    assert.match(sid, /^[\w-]{16,}$/);
    const open = `0${JSON.stringify({ sid, upgrades: ['websocket'], ...SETTINGS })}`;
    // Revision 3 of Socket.IO connects the namespace `/` at once; whether that rides along is the server's choice.
    assert.ok(body.startsWith(payload(revision, [open])), body);
    if (path === '/engine.io/' || revision === 4) assert.equal(body, payload(revision, [open]));
  });

  test(`${label}: a WebSocket gets it as its first frame, without upgrades`, async () => {
    const session = await WebSocketSession.connect(server, { path, revision });
    const open = await session.next();
    const [sid] = /(?<="sid":")[^"]+/.exec(open);
    assert.equal(open, `0${JSON.stringify({ sid, upgrades: [], ...SETTINGS })}`);
    session.leave();
  });

  test(`${label}: ids of sessions are never the same`, async () => {
    const opened = await Promise.all(Array.from({ length: 50 }, () => PollingSession.open(server, { path, revision })));
    assert.equal(new Set(opened.map(({ sid }) => sid)).size, 50);
  });

  test(`${label}: an unknown or missing transport`, async () => {
    for (const target of [`${path}?EIO=${revision}`, `${path}${query}`, ...['', 'abc', 'flashsocket', 'POLLING', '__proto__', 'constructor', 'polling%00']
      .map((name) => `${path}${query}=${name}`)]) {
      isError(await ask(server, target), ERRORS.transport);
    }
  });

  test(`${label}: an unknown session`, async () => {
    for (const sid of ['abc', '__proto__', 'constructor', '%F0%9F%8E%B2', 'x'.repeat(5000), '0', '-1', 'AAAAAAAAAAAAAAAAAAAA']) {
      isError(await ask(server, `${path}${query}=polling&sid=${sid}`), ERRORS.session);
      isError(await ask(server, `${path}${query}=polling&sid=${sid}`, { method: 'POST', body: payload(revision, ['4x']) }), ERRORS.session);
    }
  });

  test(`${label}: a session starts with GET`, async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      isError(await ask(server, `${path}${query}=polling`, { method }), ERRORS.method);
    }
  });

  test(`${label}: a WebSocket without an upgrade, and the transport of another session`, async () => {
    isError(await ask(server, `${path}${query}=websocket`), ERRORS.request);
    const polling = await PollingSession.open(server, { path, revision });
    isError(await ask(server, `${path}${query}=websocket&sid=${polling.sid}`), ERRORS.request);
    const socket = await WebSocketSession.open(server, { path, revision });
    isError(await ask(server, `${path}${query}=polling&sid=${socket.sid}`), ERRORS.request);
    isError(await ask(server, `${path}${query}=polling&sid=${socket.sid}`, { method: 'POST', body: '6' }), ERRORS.request);
    await polling.isThere();
    socket.leave();
  });

  test(`${label}: the revision of a session stays`, async () => {
    const other = revision === 4 ? 3 : 4;
    const session = await PollingSession.open(server, { path, revision });
    isError(await ask(server, `${path}?EIO=${other}&transport=polling&sid=${session.sid}`), ERRORS.request);
    assert.equal(await upgradeStatus(server, `${path}?EIO=${other}&transport=websocket&sid=${session.sid}`), 400);
    await session.isThere();
  });

  test(`${label}: an upgrade is refused before it happens`, async () => {
    for (const target of [`${path}?EIO=${revision}`, `${path}${query}=abc`, `${path}${query}=`, `${path}${query}=websocket&sid=abc`, `${path}${query}=websocket&sid=__proto__`]) {
      assert.equal(await upgradeStatus(server, target), 400, target);
    }
  });

  test(`${label}: permessage-deflate is not negotiated`, async () => {
    const session = await WebSocketSession.open(server, { path, revision, perMessageDeflate: true });
    assert.equal(session.socket.extensions, '');
    session.leave();
  });

  test(`${label}: other parameters, their order and escapes do not matter`, async () => {
    for (const target of [`${path}?transport=polling&t=abc&EIO=${revision}`, `${path}?a=%ff&b&=&&c=d=e&EIO=${revision}&transport=polling`,
      `${path}?%45IO=${revision}&transport=poll%69ng&x=${'y'.repeat(4000)}`]) {
      const { status, body } = await ask(server, target);
      assert.deepEqual([target, status], [target, 200], body);
    }
  });
}

for (const path of ['/socket.io/', '/engine.io/']) {
  test(`${path}: any revision but 3 and 4 [ours]`, async () => {
    for (const revision of ['', 'EIO=', 'EIO=2', 'EIO=5', 'EIO=abc', 'EIO=44', 'EIO=4.0', 'EIO=-4', 'EIO=%004']) {
      isError(await ask(server, `${path}?${revision}&transport=polling`), ERRORS.version);
      assert.equal(await upgradeStatus(server, `${path}?${revision}&transport=websocket`), 400);
    }
  });
}
