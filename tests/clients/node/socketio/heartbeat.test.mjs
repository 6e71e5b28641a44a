// Heartbeats: who pings, who answers, and when silence ends a session (CONTRACT section 1).

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PollingSession, VARIANTS, WebSocketSession } from './engineio.mjs';
import { COMBINATIONS, SocketIoServer, eventually } from './support.mjs';

const INTERVAL = 400;
const TIMEOUT = 600;

let server;
before(async () => { server = await SocketIoServer.start({ PING_INTERVAL: String(INTERVAL), PING_TIMEOUT: String(TIMEOUT), CONNECT_TIMEOUT: '20000' }); });
after(() => server.stop());

/** The promise about time: not before, and not long after, with room for a busy machine. */
function isAbout(milliseconds, started) {
  const took = Date.now() - started;
  assert.ok(took > milliseconds - 50 && took < milliseconds + 4000, `after ${took} ms, ${milliseconds} were promised`);
}

/** Answers pings until `count` of them came. */
async function answerPings(session, count) {
  for (let number = 0; number < count; number += 1) {
    assert.equal(await session.next(), '2');
    session.send('3');
  }
}

/**
 * Waits until a session is gone without showing it a sign of life: a poll is none.
 * The poll that is open when it ends is answered somehow; the next one is not known.
 */
async function isGoneInTime(session, started) {
  await eventually(async () => {
    const { status, body } = await session.get();
    assert.equal(status, 400, body);
  }, 'the end of a silent session');
  isAbout(INTERVAL + TIMEOUT, started);
}

// Side by side: each mostly waits.
describe('heartbeats', { concurrency: true }, () => {
  for (const path of ['/socket.io/', '/engine.io/']) {
    test(`${path} revision 4: the server pings, and who answers stays`, async () => {
      const started = Date.now();
      const session = await WebSocketSession.open(server, { path });
      await answerPings(session, 5);
      assert.ok(Date.now() - started > 5 * INTERVAL - 50);
      session.leave();
    });

    test(`${path} revision 4: who polls and answers stays`, async () => {
      const session = await PollingSession.open(server, { path });
      for (let number = 0; number < 4; number += 1) {
        assert.deepEqual(await session.receive(1), ['2']);
        await session.send('3');
      }
    });

    test(`${path} revision 4: silence`, async () => {
      const started = Date.now();
      const session = await WebSocketSession.open(server, { path });
      await session.isClosed();
      isAbout(INTERVAL + TIMEOUT, started);
      assert.deepEqual(session.frames, ['2']);
    });

    test(`${path} revision 4: silence of a client that polls, and of one that does not`, async () => {
      const started = Date.now();
      const [polling, absent] = await Promise.all([PollingSession.open(server, { path }), PollingSession.open(server, { path })]);
      assert.deepEqual(await polling.receive(1), ['2']);
      const [last] = await Promise.all([polling.get(), isGoneInTime(absent, started)]);
      isAbout(INTERVAL + TIMEOUT, started);
      // What the last poll says is not promised.
      assert.ok([200, 400].includes(last.status));
      await polling.isGone();
    });

    test(`${path} revision 3: the client pings, the server answers and never pings itself`, async () => {
      const session = await WebSocketSession.open(server, { path, revision: 3 });
      if (path === '/socket.io/') await session.receive(2);
      const started = Date.now();
      while (Date.now() - started < 3 * INTERVAL) {
        session.send('2');
        assert.equal(await session.next(), '3');
      }
      session.leave();
    });

    test(`${path} revision 3: silence`, async () => {
      const started = Date.now();
      const session = await WebSocketSession.open(server, { path, revision: 3 });
      await session.isClosed();
      isAbout(INTERVAL + TIMEOUT, started);
      assert.ok(!session.frames.includes('2'));
    });

    for (const revision of [4, 3]) {
      test(`${path} revision ${revision}: messages are no heartbeat`, async () => {
        const started = Date.now();
        const sessions = await Promise.all([WebSocketSession, PollingSession].map((kind) => kind.open(server, { path, revision })));
        let over = false;
        const talk = async (session) => {
          if (path === '/socket.io/' && revision === 4) await session.send('40');
          while (!over) {
            await session.send('42["x"]');
            await sleep(50);
          }
        };
        // Who sends by polling hears of the end by that.
        const talks = Promise.allSettled(sessions.map(talk));
        await Promise.all([sessions[0].isClosed(), isGoneInTime(sessions[1], started)]);
        over = true;
        await talks;
        isAbout(INTERVAL + TIMEOUT, started);
      });
    }

    test(`${path} revision 3: who pings over polling stays, then silence`, async () => {
      const session = await PollingSession.open(server, { path, revision: 3 });
      if (path === '/socket.io/') await session.receive(2);
      const started = Date.now();
      let last;
      while (Date.now() - started < 3 * INTERVAL) {
        last = Date.now();
        await session.send('2');
        assert.deepEqual(await session.receive(1), ['3']);
      }
      await isGoneInTime(session, last);
    });
  }

  for (const { path, revision, label } of VARIANTS) {
    test(`${label}: an upgrade does not keep a silent client alive${revision === 3 ? ' [ours]' : ''}`, async () => {
      const session = await PollingSession.open(server, { path, revision });
      const candidate = await session.candidate();
      candidate.send('2probe');
      assert.equal(await candidate.next(), '3probe');
      const started = Date.now();
      candidate.send('5');
      await candidate.isClosed();
      assert.ok(Date.now() - started < INTERVAL + TIMEOUT + 4000);
    });
  }

  test('revision 4: a ping that is on its way when the transport changes still has to be answered [ours]', async () => {
    const session = await PollingSession.open(server);
    assert.deepEqual(await session.receive(1), ['2']);
    const candidate = await session.candidate();
    candidate.send('2probe');
    assert.equal(await candidate.next(), '3probe');
    candidate.send('5');
    const started = Date.now();
    await candidate.isClosed();
    assert.ok(Date.now() - started < INTERVAL + TIMEOUT + 4000);
  });

  test('revision 4: an answer over the new transport to a ping over the old one', async () => {
    const session = await PollingSession.open(server);
    assert.deepEqual(await session.receive(1), ['2']);
    const candidate = await session.candidate();
    candidate.send('2probe');
    assert.equal(await candidate.next(), '3probe');
    candidate.send('5', '3');
    await answerPings(candidate, 3);
    candidate.leave();
  });

  test('revision 4: a ping from the client ends the session', async () => {
    const socket = await WebSocketSession.open(server);
    socket.send('2');
    await socket.isClosed();
    const polling = await PollingSession.open(server);
    assert.ok([200, 400].includes((await polling.post('2')).status));
    await polling.isGone();
  });

  test('revision 4: an answer that nobody asked for does no harm', async () => {
    const session = await WebSocketSession.open(server);
    session.send('3', '3', '3');
    await answerPings(session, 1);
    session.send('3', '3');
    await answerPings(session, 3);
    session.leave();
  });

  test('every client over every transport outlives many heartbeats', async () => {
    const patient = await SocketIoServer.start({ PING_INTERVAL: '150', PING_TIMEOUT: '5000' });
    try {
      const peers = await Promise.all(COMBINATIONS.map((combination) => patient.open(combination)));
      let pings = 0;
      const observer = await WebSocketSession.open(patient);
      while (pings < 12) {
        await answerPings(observer, 1);
        pings += 1;
      }
      for (const [index, peer] of peers.entries()) {
        assert.deepEqual(await peer.echo('alive'), ['alive'], COMBINATIONS[index].label);
        assert.deepEqual([peer.reasons, peer.ids.length], [[], 1]);
      }
      observer.leave();
    } finally {
      await patient.stop();
    }
  });
});
