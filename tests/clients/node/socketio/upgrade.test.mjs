// From polling to a WebSocket while messages flow both ways: nothing is lost, doubled or reordered (CONTRACT section 1).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import { PollingSession } from './engineio.mjs';
import { COMBINATIONS, SocketIoServer, choices, eventually, numbers, seed } from './support.mjs';

let server;
before(async () => { server = await SocketIoServer.start(); });
after(() => server.stop());

/** Does something with random choices; a failure names the seed that repeats them. */
async function withChoices(use) {
  const start = seed();
  try {
    await use((index) => choices(start + index));
  } catch (error) {
    error.message = `ROOMCAST_SEED=${start}: ${error.message}`;
    throw error;
  }
}

/** Lets others go first: not at all, a few turns, or a few ms. */
async function stroll(choose) {
  const length = choose(6);
  if (length > 3) await pause(choose(4));
  else for (let step = 0; step < length; step += 1) await turn();
}

/** The numbered messages of a random client, some of them bytes, as packets of a payload and as frames. */
const isBytes = (number) => number % 5 === 4;
const bytesOf = (number, revision) => Buffer.concat([Buffer.from(revision === 4 ? [] : [4]), Buffer.from(`${number}`)]);
const asPacket = (number, revision) => (isBytes(number) ? `b${revision === 4 ? '' : '4'}${Buffer.from(`${number}`).toString('base64')}` : `4${number}`);
const asFrame = (number, revision) => (isBytes(number) ? bytesOf(number, revision) : `4${number}`);

/** A client of the echo that upgrades at a random moment of its conversation; resolves to the numbers that came back. */
async function converse(revision, count, choose) {
  const session = await PollingSession.open(server, { path: '/engine.io/', revision, query: '&b64=1' });
  const heard = [];
  let next = 0;
  let paused = false;

  const send = async () => {
    while (!paused && next < count) {
      const batch = numbers(Math.min(1 + choose(5), count - next)).map((offset) => next + offset);
      next += batch.length;
      await session.send(...batch.map((number) => asPacket(number, revision)));
      await stroll(choose);
    }
  };
  const poll = async () => {
    while (!paused) heard.push(...await session.receive(1), ...session.packets.splice(0));
  };
  const probe = async () => {
    for (let steps = choose(20); steps >= 0; steps -= 1) await stroll(choose);
    const candidate = await session.candidate();
    await stroll(choose);
    candidate.send('2probe');
    assert.equal(await candidate.next(), '3probe');
    await stroll(choose);
    paused = true;
    return candidate;
  };
  const [candidate] = await Promise.all([probe(), send(), poll()]);

  candidate.send('5');
  while (next < count) {
    candidate.send(asFrame(next, revision));
    next += 1;
    if (choose(10) === 0) await stroll(choose);
  }
  const polled = heard.filter((packet) => packet !== '6').map((packet, index) => {
    assert.equal(packet, asPacket(index, revision));
    return index;
  });
  for (const number of numbers(count).slice(polled.length)) assert.deepEqual(await candidate.next(), asFrame(number, revision));
  assert.deepEqual(candidate.frames, []);
  candidate.leave();
  return polled.length;
}

for (const revision of [4, 3]) {
  test(`revision ${revision}: twelve clients that upgrade at random moments`, async () => {
    await withChoices(async (generator) => {
      const polled = [];
      for (let round = 0; round < 5; round += 1) {
        polled.push(...await Promise.all(numbers(12).map((client) => converse(revision, 200, generator(100 * round + client)))));
      }
      assert.ok(polled.some((number) => number > 0 && number < 200), 'no upgrade fell into a conversation');
    });
  });
}

for (const { client, transport } of COMBINATIONS.filter((combination) => combination.transport === 'upgrade')) {
  test(`${client}: ten clients talk while they upgrade`, async () => {
    await withChoices(async (generator) => {
      for (let round = 0; round < 3; round += 1) {
        await Promise.all(numbers(10).map(async (index) => {
          const choose = generator(100 * round + index);
          const peer = server.begin({ client, transport });
          const sent = numbers(300).map((number) => (number % 7 === 6 ? [number, Buffer.from(`${number}`)] : [number]));
          for (const args of sent) {
            peer.emit('message', ...args);
            if (choose(8) === 0) await stroll(choose);
          }
          assert.deepEqual(await peer.hears(300), sent.map((args) => ['message-back', ...args]));
          await peer.ready();
          assert.deepEqual(await peer.echo('on the WebSocket'), ['on the WebSocket']);
          assert.deepEqual([peer.ids.length, peer.reasons, peer.errors], [1, [], []]);
          peer.leave();
        }));
      }
    });
  });
}

for (const revision of [4, 3]) {
  const open = () => PollingSession.open(server, { path: '/engine.io/', revision });

  /** A candidate that has been answered. */
  async function probed(session) {
    const candidate = await session.candidate();
    candidate.send('2probe');
    assert.equal(await candidate.next(), '3probe');
    return candidate;
  }

  /** The session goes on over polling, nothing lost. */
  async function pollsOn(session) {
    await session.send('4still', '4here');
    const packets = await session.receive(2);
    assert.deepEqual(packets[0] === '6' ? [...packets.slice(1), ...await session.receive(1)] : packets, ['4still', '4here']);
  }

  test(`revision ${revision}: the waiting GET is freed, and the WebSocket takes over`, async () => {
    const session = await open();
    const { answer } = await session.hold();
    const candidate = await probed(session);
    assert.deepEqual(await answer, { status: 200, packets: ['6'] });
    await session.send('4before');
    candidate.send('5', '4after');
    assert.deepEqual(await candidate.receive(2), ['4before', '4after']);
    candidate.leave();
  });

  test(`revision ${revision}: a GET that comes during the upgrade is freed too`, async () => {
    const session = await open();
    const candidate = await probed(session);
    assert.deepEqual(await session.receive(1), ['6']);
    candidate.send('5', '4x');
    assert.equal(await candidate.next(), '4x');
    candidate.leave();
  });

  test(`revision ${revision}: after the upgrade there are no polls and no second WebSocket`, async () => {
    const session = await open();
    const candidate = await probed(session);
    candidate.send('5', '4x');
    assert.equal(await candidate.next(), '4x');
    for (const outcome of [session.get(), session.post('4')]) assert.equal((await outcome).status, 400);
    const second = await session.candidate().then((opened) => opened.isClosed(), () => 'refused');
    assert.ok(second, 'refused or closed');
    candidate.send('4still here');
    assert.equal(await candidate.next(), '4still here');
    candidate.leave();
  });

  test(`revision ${revision}: a second candidate does not disturb the first`, async () => {
    const session = await open();
    const candidate = await probed(session);
    const second = await session.candidate().then((opened) => opened.isClosed(), () => 'refused');
    assert.ok(second, 'refused or closed');
    candidate.send('5', '4x');
    assert.equal(await candidate.next(), '4x');
    candidate.leave();
  });

  for (const [way, leave] of Object.entries({
    closes: ({ socket }) => socket.close(), 'is cut off': ({ tcp }) => tcp.resetAndDestroy(), ends: ({ tcp }) => tcp.end(),
  })) {
    for (const [when, begin] of Object.entries({ 'before the probe': (session) => session.candidate(), 'after it': probed })) {
      test(`revision ${revision}: a candidate that ${way} ${when} changes nothing, and another one may follow`, async () => {
        const session = await open();
        const candidate = await begin(session);
        leave(candidate);
        await candidate.isClosed();
        await pollsOn(session);
        const other = await eventualCandidate(session);
        other.send('5', '4taken over');
        assert.equal(await other.next(), '4taken over');
        other.leave();
      });
    }
  }

  /** Another candidate, as soon as the server has noticed that the one before is gone. */
  async function eventualCandidate(session) {
    let candidate;
    await eventually(async () => { candidate = await probed(session); }, 'another candidate');
    return candidate;
  }

  for (const [what, frames] of Object.entries({
    'another probe': ['2other'], 'a ping without one': ['2'], 'a message': ['4hello'], 'an answer': ['3probe'], 'a close packet': ['1'], 'an open packet': ['0{}'],
    'bytes': [Buffer.from([1, 2])], 'an unknown packet': ['9'], 'an empty frame': [''], 'a message after the probe': ['2probe', '4hello'],
  })) {
    test(`revision ${revision}: a candidate that sends ${what} is closed without an answer`, async () => {
      const session = await open();
      const candidate = await session.candidate();
      candidate.send(...frames);
      await candidate.isClosed();
      assert.deepEqual(candidate.frames, frames[0] === '2probe' ? ['3probe'] : []);
      await pollsOn(session);
    });
  }

  test(`revision ${revision}: a session that is closed takes its candidate along`, async () => {
    const session = await open();
    const candidate = await probed(session);
    await session.send('1');
    await candidate.isClosed();
    await session.isGone();
  });

  test(`revision ${revision}: after the upgrade the session ends with its WebSocket`, async () => {
    const former = await server.restingStats();
    const session = await open();
    const candidate = await probed(session);
    candidate.send('5', '4x');
    await candidate.next();
    candidate.tcp.resetAndDestroy();
    await server.statsBecome(former);
  });
}
