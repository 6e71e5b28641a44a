// Long-polling by hand: payloads both ways, the waiting GET, what ends a session (CONTRACT section 1).

import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { ERRORS, PollingSession, VARIANTS, ask, isError, packetsOf, payload } from './engineio.mjs';
import { SocketIoServer, eventually, numbers } from './support.mjs';

const REVISIONS = [4, 3];

let server;
before(async () => { server = await SocketIoServer.start(); });
after(() => server.stop());

/** A session of the echo. */
const open = (revision, query) => PollingSession.open(server, { path: '/engine.io/', revision, query });

for (const revision of REVISIONS) {
  test(`revision ${revision}: a POST is answered with ok, a GET with what came`, async () => {
    const session = await open(revision);
    const posted = await session.post(payload(revision, ['4hello']));
    assert.deepEqual([posted.status, posted.body], [200, 'ok']);
    assert.match(posted.headers['content-type'], /^text\/html/);
    const { status, headers, body } = await session.get();
    assert.deepEqual([status, body], [200, payload(revision, ['4hello'])]);
    assert.match(headers['content-type'], /^text\/plain; ?charset=UTF-8$/i);
    assert.equal(headers['cache-control'], 'no-store');
  });

  test(`revision ${revision}: texts of any kind, lengths in UTF-16 units`, async () => {
    const session = await open(revision);
    const texts = ['4', '4ä', '4日本', '4🎲', '4a\u2028b\u2029', '4\u0000', '4\n\r\t', '4"\\"', '412:34', '4b', `4${'ü🎲'.repeat(1000)}`];
    await session.send(...texts);
    assert.deepEqual(await session.receive(texts.length), texts);
    for (const text of texts) {
      await session.send(text);
      assert.equal((await session.get()).body, payload(revision, [text]));
    }
  });

  test(`revision ${revision}: a GET waits until there is something`, async () => {
    const session = await open(revision);
    for (const text of ['4one', '4two']) {
      const { answer } = await session.hold();
      await session.send(text);
      assert.deepEqual((await answer).packets, [text]);
    }
  });

  test(`revision ${revision}: packets queue between polls, in order`, async () => {
    const session = await open(revision);
    const texts = numbers(40).map((number) => `4${number}`);
    for (const text of texts) await session.send(text);
    assert.deepEqual(await session.receive(40), texts);
  });

  test(`revision ${revision}: a POST of 10,000 packets`, async () => {
    const session = await open(revision);
    const texts = numbers(10_000).map((number) => `4${number}`);
    await session.send(...texts);
    assert.deepEqual(await session.receive(10_000), texts);
  });

  test(`revision ${revision}: an answer carries at most 16 packets [ours]`, async () => {
    const session = await open(revision);
    await session.send(...numbers(100).map((number) => `4${number}`));
    for (const count of [16, 16, 16, 16, 16, 16, 4]) {
      assert.equal(packetsOf(revision, (await session.get()).body).length, count);
    }
  });

  test(`revision ${revision}: sessions do not mix`, async () => {
    const sessions = await Promise.all(numbers(20).map(() => open(revision)));
    await Promise.all(sessions.map((session) => session.send(`4${session.sid}`)));
    for (const session of sessions) assert.deepEqual(await session.receive(1), [`4${session.sid}`]);
  });

  test(`revision ${revision}: both directions at once on connections that are kept`, async () => {
    const session = await open(revision);
    const texts = numbers(300).map((number) => `4${number}`);
    const send = async () => { for (const text of texts) await session.send(text); };
    const [received] = await Promise.all([session.receive(300), send()]);
    assert.deepEqual(received, texts);
  });
}

for (const { path, revision, label } of VARIANTS) {
  /** A session with nothing in its queue. */
  const quiet = async () => {
    const session = await PollingSession.open(server, { path, revision });
    // Socket.IO on revision 3 says `40` and `auth` unasked.
    if (path === '/socket.io/' && revision === 3) assert.deepEqual(await session.receive(2), ['40', '42["auth",{}]']);
    return session;
  };

  test(`${label}: a second GET ends the session, the first gets a close packet`, async () => {
    const session = await quiet();
    const { answer } = await session.hold();
    assert.ok([400, 500].includes((await session.get()).status));
    assert.deepEqual(await answer, { status: 200, packets: ['1'] });
    await session.isGone();
  });

  test(`${label}: a second POST while one runs ends the session`, async () => {
    const session = await quiet();
    const slow = session.beginPost();
    await eventually(async () => assert.ok([400, 500].includes((await session.post(payload(revision, ['6']))).status)), 'an overlap');
    await session.isGone();
    slow.destroy();
  });

  test(`${label}: a POST whose client leaves at once is heard`, async () => {
    const session = await quiet();
    const [sent, heard] = path === '/engine.io/' ? ['4hi', '4hi'] : ['42["message","hi"]', '42["message-back","hi"]'];
    if (path === '/socket.io/' && revision === 4) {
      await session.send('40');
      await session.receive(2); // the socket's id, and `auth`
    }
    for (let round = 0; round < 5; round += 1) {
      const body = payload(revision, [sent]);
      const tcp = net.connect(server.port, server.host);
      tcp.on('error', () => {}); // the answer comes when nobody is there
      tcp.end(`POST ${session.target} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`, () => tcp.destroy());
      assert.deepEqual(await session.receive(1), [heard]);
    }
  });

  test(`${label}: a poll whose client left is not in the way of the next`, async () => {
    const session = await quiet();
    const former = await server.restingStats();
    const tcp = net.connect(server.port, server.host);
    tcp.write(`GET ${session.target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await session.send('6'); // came later than the poll
    tcp.destroy();
    await server.statsBecome(former);
    const { answer } = await session.hold();
    await session.send('1');
    assert.deepEqual(await answer, { status: 200, packets: ['6'] });
  });

  test(`${label}: a close packet by POST frees the waiting GET and ends the session`, async () => {
    const session = await quiet();
    const { answer } = await session.hold();
    await session.send('1');
    assert.deepEqual(await answer, { status: 200, packets: ['6'] });
    isError(await session.get(), ERRORS.session);
  });

  test(`${label}: a close packet without a waiting GET`, async () => {
    const session = await quiet();
    await session.send('1');
    isError(await session.get(), ERRORS.session);
  });

  test(`${label}: a body of exactly maxPayload bytes, and one byte more`, async () => {
    const { maxPayload } = (await quiet()).handshake;
    const size = maxPayload - (revision === 3 ? `${maxPayload - 7}:`.length : 0);
    for (const [extra, accepted] of [[0, true], [1, false]]) {
      const session = await quiet();
      const body = payload(revision, [`6${'x'.repeat(size - 1 + extra)}`]);
      assert.equal(Buffer.byteLength(body), maxPayload + extra);
      const status = await session.post(body).then((answer) => answer.status, (error) => error.code);
      assert.ok((accepted ? [200] : [413, 'ECONNRESET', 'EPIPE']).includes(status), `${status}`);
      if (accepted) await session.isThere();
    }
  });

  test(`${label}: a body that grows beyond maxPayload without a length`, async () => {
    const session = await quiet();
    const half = Buffer.alloc(session.handshake.maxPayload / 2 + 1, '4');
    const status = await ask(server, session.target, { method: 'POST', headers: { 'transfer-encoding': 'chunked' }, body: Buffer.concat([half, half]) })
      .then((answer) => answer.status, (error) => error.code);
    assert.ok([413, 'ECONNRESET', 'EPIPE'].includes(status), `${status}`);
  });

  test(`${label}: other methods`, async () => {
    const session = await quiet();
    for (const method of ['PUT', 'DELETE', 'PATCH']) {
      assert.ok((await ask(server, session.target, { method })).status >= 400);
    }
  });

  const INVALID = {
    4: ['', '\x1e', 'abc', '9', '8x', '6\x1e', '\x1e6', '6\x1e\x1e6', 'xyz4', ' 6', '\u00e4'],
    3: ['', 'abc', '4hello', ':', ':4', '-1:6', '1.5:6', 'x:6', '2:6', '100000000000000000000:6', '1:9', '1:63', '1:6:', '1:66'],
  };
  for (const body of INVALID[revision]) {
    test(`${label}: the payload ${JSON.stringify(body)} ends the session`, async () => {
      const session = await quiet();
      assert.ok([200, 400].includes((await session.post(body)).status));
      await session.isGone();
    });
  }
}
