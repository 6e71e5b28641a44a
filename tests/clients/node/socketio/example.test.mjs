// The program of examples/socketio_chat.rs, in its debug build, with Socket.IO's own client.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { io } from 'socket.io-client';
import { DEADLINE, eventually, within } from '../support.mjs';

const TARGET = process.env.CARGO_TARGET_DIR ?? path.resolve(import.meta.dirname, '../../../../target');
const EXAMPLE = `${TARGET}/debug/examples/socketio_chat`;

const TRANSPORTS = { websocket: ['websocket'], polling: ['polling'], upgrade: ['polling', 'websocket'] };

/** The running program. */
class Chat {
  #clients = [];

  static async start() {
    assert.ok(existsSync(EXAMPLE), 'no program to test: cargo build -p roomcast-socketio --example socketio_chat');
    const chat = new this();
    chat.process = spawn(EXAMPLE, { env: { ...process.env, PORT: '0' }, stdio: ['ignore', 'pipe', 'pipe'] });
    const kill = () => chat.process.kill('SIGKILL');
    process.once('exit', kill);
    chat.said = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr']) {
      chat.process[stream].setEncoding('utf8').on('data', (part) => { chat.said[stream] += part; });
    }
    chat.ended = new Promise((resolve, reject) => {
      chat.process.on('error', reject);
      chat.process.on('close', (code, signal) => {
        process.removeListener('exit', kill);
        resolve({ code, signal });
      });
    });
    await eventually(() => assert.match(chat.said.stdout, /^chat on http:\S+$/m), 'no address on stdout');
    [, chat.url] = /^chat on (\S+)$/m.exec(chat.said.stdout);
    return chat;
  }

  /** A client that has only begun to connect: `heard` are the events that came, `reasons` those of its disconnects. */
  begin({ transport = 'websocket', ...options } = {}) {
    const socket = io(this.url, { transports: TRANSPORTS[transport], forceNew: true, reconnection: false, timeout: DEADLINE, ...options });
    this.#clients.push(socket);
    Object.assign(socket, { heard: [], reasons: [] });
    socket.onAny((...event) => socket.heard.push(event));
    socket.on('disconnect', (reason) => socket.reasons.push(reason));
    return socket;
  }

  /** A client that is in. */
  async enter(token, options) {
    const socket = this.begin({ auth: { token }, ...options });
    await eventually(() => assert.ok(socket.connected), `${token} is not in`);
    return socket;
  }

  /** The error with which a client is turned away. */
  async refusal(options) {
    const socket = this.begin(options);
    const error = await within(DEADLINE, new Promise((resolve, reject) => {
      socket.on('connect_error', resolve);
      socket.on('connect', () => reject(new Error('it was let in')));
    }), () => 'no refusal');
    assert.equal(socket.connected, false);
    return error;
  }

  /** Ends it as somebody at a terminal would, which has to be in peace. */
  async stop() {
    for (const socket of this.#clients) socket.disconnect();
    this.process.kill('SIGINT');
    try {
      assert.deepEqual(await within(DEADLINE, this.ended, () => 'no end'), { code: 0, signal: null }, this.said.stderr);
    } finally {
      this.process.kill('SIGKILL');
    }
    assert.equal(this.said.stderr, '');
  }
}

/** A test with a program of its own: who leaves is told to all. */
function chat(name, run) {
  test(name, async () => {
    const running = await Chat.start();
    try {
      await run(running);
    } finally {
      await running.stop();
    }
  });
}

/** Emits, and resolves to what it is acknowledged with. */
const ask = (socket, ...event) => socket.timeout(DEADLINE).emitWithAck(...event);

/** What a socket heard since the last time. All that was sent before this question is there when it is answered. */
async function heard(socket) {
  assert.equal(await ask(socket, 'sum', 20, 3), 23);
  return socket.heard.splice(0);
}

/** The client's requests; while it is slow they wait. */
class SlowAgent extends http.Agent {
  waiting = undefined;

  addRequest(...request) {
    if (this.waiting) this.waiting.push(request);
    else super.addRequest(...request);
  }

  goOn() {
    const waiting = this.waiting;
    this.waiting = undefined;
    for (const request of waiting) super.addRequest(...request);
  }
}

for (const transport of Object.keys(TRANSPORTS)) {
  chat(`${transport}: who does not say who it is stays out, and is told why`, async (running) => {
    const ann = await running.enter('Ann', { transport });
    const nobody = await running.refusal({ transport, auth: { token: ' ' } });
    assert.deepEqual([nobody.message, nobody.data], ['who are you?', { token: ' ' }]);
    const silent = await running.refusal({ transport });
    assert.match(silent.message, /^auth: missing field `token`/);
    assert.equal(silent.data, undefined);
    assert.deepEqual(await heard(ann), [], 'who was never there does not leave');
  });

  chat(`${transport}: what is said is acknowledged, and told to the others`, async (running) => {
    const [ann, ben, cem] = await Promise.all(['Ann', 'Ben', 'Cem'].map((token) => running.enter(token, { transport })));
    assert.equal(await ask(ann, 'say', { room: 'lobby', text: 'hello' }), 1);
    assert.equal(await ask(ben, 'say', { room: 'lobby', text: 'hello Ann' }), 2);
    assert.equal(await ask(cem, 'say', { room: 'nowhere', text: 'anybody?' }), 3);
    const [first, second] = [['said', { by: 'Ann', text: 'hello' }], ['said', { by: 'Ben', text: 'hello Ann' }]];
    assert.deepEqual(await Promise.all([ann, ben, cem].map(heard)), [[second], [first], [first, second]]);
  });

  chat(`${transport}: what cannot be handled is not acknowledged, and the socket stays`, async (running) => {
    const [ann, ben] = await Promise.all(['Ann', 'Ben'].map((token) => running.enter(token, { transport })));
    const answered = [];
    for (const event of [['say', { room: 'lobby', text: '' }], ['say', 'hello'], ['say'], ['sum', 1], ['sum', 'a', 'b'], ['move', 1], ['what?']]) {
      ann.emit(...event, () => answered.push(event));
    }
    assert.deepEqual([await heard(ann), answered, await heard(ben)], [[], [], []]);
    assert.equal(await ask(ann, 'say', { room: 'lobby', text: 'hello' }), 1);
  });

  chat(`${transport}: who leaves is missed`, async (running) => {
    const [ann, ben, cem] = await Promise.all(['Ann', 'Ben', 'Cem'].map((token) => running.enter(token, { transport })));
    ben.disconnect();
    await eventually(() => assert.equal(ann.heard.length, 1), 'not told of Ben');
    cem.io.engine.close();
    await eventually(() => assert.equal(ann.heard.length, 2), 'not told of Cem');
    // Once, although they were in two rooms together.
    assert.deepEqual(await heard(ann), [['left', 'client namespace disconnect'], ['left', 'transport close']]);
  });

  chat(`${transport}: Ctrl-C ends it while somebody is there`, async (running) => {
    const ann = await running.enter('Ann', { transport });
    running.process.kill('SIGINT');
    await eventually(() => assert.equal(ann.reasons.length, 1), 'Ann is not told');
    assert.match(ann.reasons[0], /^(transport (close|error)|io server disconnect)$/);
  });
}

chat('who is behind gets the latest position of each only', async (running) => {
  const agent = new SlowAgent({ keepAlive: true });
  const [ann, ben, slow] = await Promise.all([
    running.enter('Ann'), running.enter('Ben'), running.enter('Slow', { transport: 'polling', agent })]);
  agent.waiting = [];
  ann.emit('move', [0, 0.5]); // answers the poll that is there already; the next one waits
  await eventually(() => assert.deepEqual([slow.heard.length, agent.waiting.length], [1, 1]), 'behind');
  for (let at = 1; at <= 100; at += 1) {
    ann.emit('move', [at, 0.5]);
    if (at % 10 === 0) ben.emit('move', [-at, 0.5]);
  }
  for (const socket of [ann, ben]) await ask(socket, 'say', { room: 'lobby', text: 'there' });
  assert.equal((await heard(ann)).length, 11, 'ten moves of Ben, and what he said');
  agent.goOn();
  const [first, ...rest] = await heard(slow);
  assert.deepEqual(first, ['moved', [0, 0.5]]);
  const moved = rest.filter(([event]) => event === 'moved').map(([, at]) => at);
  assert.deepEqual(moved.sort(([one], [other]) => one - other), [[-100, 0.5], [100, 0.5]]);
  assert.deepEqual(rest.filter(([event]) => event === 'said').length, 2);
  agent.destroy();
});

chat('the page, and what is not there', async (running) => {
  const page = await fetch(running.url);
  assert.match(page.headers.get('content-type'), /^text\/html/);
  assert.match(await page.text(), /<title>chat<\/title>/);
  assert.equal((await fetch(`${running.url}/nothing`)).status, 404);
});
