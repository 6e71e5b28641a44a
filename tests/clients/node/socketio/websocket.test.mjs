// Engine.IO on a WebSocket by hand: packets as frames, and what ends a session (CONTRACT section 1).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ERRORS, PollingSession, WebSocketSession, ask, isError, upgradeStatus } from './engineio.mjs';
import { SocketIoServer, numbers } from './support.mjs';

let server;
let bystander;
before(async () => {
  server = await SocketIoServer.start({ MAX_PAYLOAD: '100000' });
  bystander = await open(4);
});
after(() => {
  bystander.leave();
  return server.stop();
});

/** A session of the echo. */
const open = (revision) => WebSocketSession.open(server, { path: '/engine.io/', revision });

/** The session ended, and another one did not notice. */
async function costsOnly(session, code) {
  const closed = await session.isClosed();
  if (code) assert.equal(closed, code);
  isError(await ask(server, `/engine.io/?EIO=${session.revision}&transport=polling&sid=${session.sid}`), ERRORS.session);
  bystander.send('4still here');
  assert.equal(await bystander.next(), '4still here');
}

for (const revision of [4, 3]) {
  /** A binary message as its frame. */
  const binary = (bytes) => (revision === 4 ? bytes : Buffer.concat([Buffer.from([4]), bytes]));

  test(`revision ${revision}: texts come back`, async () => {
    const session = await open(revision);
    const texts = ['4', '4hello', '4ä🎲\u2028', '4\u0000\u001e', '4b', '444', `4${'ü'.repeat(40_000)}`];
    session.send(...texts);
    assert.deepEqual(await session.receive(texts.length), texts);
    session.leave();
  });

  test(`revision ${revision}: bytes come back`, async () => {
    const session = await open(revision);
    const chunks = [[0], [4], [1, 2, 3], numbers(256)].map((bytes) => binary(Buffer.from(bytes)));
    chunks.push(binary(Buffer.alloc(90_000, 'ab')));
    session.send(...chunks);
    assert.deepEqual(await session.receive(chunks.length), chunks);
    session.leave();
  });

  test(`revision ${revision}: texts and bytes keep their order`, async () => {
    const session = await open(revision);
    const packets = numbers(2000).map((number) => (number % 3 === 0 ? binary(Buffer.from(`${number}`)) : `4${number}`));
    session.send(...packets);
    assert.deepEqual(await session.receive(packets.length), packets);
    session.leave();
  });

  test(`revision ${revision}: a message in fragments is one`, async () => {
    const session = await open(revision);
    for (const [part, fin] of [['4a', false], ['ä', false], ['', false], ['b', true]]) session.socket.send(part, { fin });
    assert.equal(await session.next(), '4aäb');
    session.leave();
  });

  test(`revision ${revision}: a message of maxPayload bytes is taken, one byte more is 1009`, async () => {
    const session = await open(revision);
    const { maxPayload } = session.handshake;
    assert.equal(maxPayload, 100_000);
    session.send(`4${'x'.repeat(maxPayload - 1)}`);
    assert.equal((await session.next()).length, maxPayload);
    session.send(`4${'x'.repeat(maxPayload)}`);
    await costsOnly(session, 1009);
    const other = await open(revision);
    other.send(Buffer.alloc(maxPayload + 1, 4));
    await costsOnly(other, 1009);
  });

  for (const frame of ['', '9', 'x', '8hello', ' 4', '\u00e44']) {
    test(`revision ${revision}: the frame ${JSON.stringify(frame)} ends the session`, async () => {
      const session = await open(revision);
      session.send(frame);
      await costsOnly(session);
    });
  }

  test(`revision ${revision}: text that is no UTF-8 is 1007`, async () => {
    const session = await open(revision);
    session.socket.send(Buffer.from([0x34, 0xff]), { binary: false });
    await costsOnly(session, 1007);
  });

  test(`revision ${revision}: it ends with its connection, in whatever way that ends`, async () => {
    for (const end of [(tcp, socket) => socket.close(), (tcp) => tcp.end(), (tcp) => tcp.destroy(), (tcp) => tcp.resetAndDestroy()]) {
      const former = await server.restingStats();
      const session = await open(revision);
      assert.equal((await server.stats()).engine, former.engine + 1);
      end(session.tcp, session.socket);
      await server.statsBecome(former);
    }
  });

  test(`revision ${revision}: a packet that means nothing here is ignored`, async () => {
    const session = await open(revision);
    session.send('6', '6abc', '4x');
    assert.equal(await session.next(), '4x');
    session.leave();
  });

  test(`revision ${revision}: its id opens no polls`, async () => {
    const session = await open(revision);
    isError(await ask(server, `/engine.io/?EIO=${revision}&sid=${session.sid}&transport=polling`), ERRORS.request);
    session.leave();
  });

  test(`revision ${revision}: its id opens no second WebSocket [ours]`, async () => {
    const session = await open(revision);
    const outcome = await WebSocketSession.connect(server, { path: '/engine.io/', revision, query: `&sid=${session.sid}` })
      .then((second) => second.isClosed(), () => 'refused');
    assert.ok(outcome, 'refused or closed');
    session.send('4x');
    assert.equal(await session.next(), '4x');
    session.leave();
  });
}

test('revision 3: a binary frame that is empty, or of another type than a message, costs at most its session', async () => {
  for (const bytes of [[], [9, 1], [0x34], [255]]) {
    const session = await open(3);
    session.send(Buffer.from(bytes));
    bystander.send('4still here');
    assert.equal(await bystander.next(), '4still here');
    session.leave();
  }
});

test('polling as a transport of an upgrade is no session', async () => {
  const former = await server.restingStats();
  const outcome = await upgradeStatus(server, '/engine.io/?EIO=4&transport=polling');
  assert.ok([101, 400].includes(outcome), `${outcome}`);
  await server.statsBecome(former);
});

test('ids of WebSockets and of polls are of one kind', async () => {
  const [socket, polling] = await Promise.all([open(4), PollingSession.open(server)]);
  assert.equal(socket.sid.length, polling.sid.length);
  socket.leave();
});
