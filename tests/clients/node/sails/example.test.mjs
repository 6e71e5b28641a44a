// The program of examples/sails_api.rs, in its debug build, with sails.io.js and with fetch.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { DEADLINE, SDKS, eventually, isConnected, within } from './support.mjs';

const TARGET = process.env.CARGO_TARGET_DIR ?? path.resolve(import.meta.dirname, '../../../../target');
const EXAMPLE = `${TARGET}/debug/examples/sails_api`;

/** The running program. */
class Api {
  #members = [];

  static async start() {
    assert.ok(existsSync(EXAMPLE), 'no program to test: cargo build -p roomcast-sails --example sails_api');
    const api = new this();
    api.process = spawn(EXAMPLE, { env: { ...process.env, PORT: '0' }, stdio: ['ignore', 'pipe', 'pipe'] });
    const kill = () => api.process.kill('SIGKILL');
    process.once('exit', kill);
    api.said = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr']) {
      api.process[stream].setEncoding('utf8').on('data', (part) => { api.said[stream] += part; });
    }
    api.ended = new Promise((resolve, reject) => {
      api.process.on('error', reject);
      api.process.on('close', (code, signal) => {
        process.removeListener('exit', kill);
        resolve({ code, signal });
      });
    });
    await eventually(() => assert.match(api.said.stdout, /^API on http:\S+$/m), 'no address on stdout');
    [, api.url] = /^API on (\S+)$/m.exec(api.said.stdout);
    return api;
  }

  /** Somebody on a socket of sails.io.js. */
  async member() {
    const socket = SDKS['2.5'].sails.connect(this.url, { transports: ['websocket'], multiplex: false, timeout: DEADLINE });
    const member = new Member(socket);
    this.#members.push(member);
    await isConnected(socket);
    return member;
  }

  /** Asks by plain HTTP: the status and the body. */
  async fetch(method, path, data) {
    const headers = { 'content-type': 'application/json' };
    const options = { method, signal: AbortSignal.timeout(DEADLINE), ...(data === undefined ? {} : { headers, body: JSON.stringify(data) }) };
    const response = await fetch(this.url + path, options);
    const text = await response.text();
    return [response.status, response.headers.get('content-type') === 'application/json' ? JSON.parse(text) : text];
  }

  /** Ends it as somebody at a terminal would, which has to be in peace. */
  async stop() {
    for (const member of this.#members) member.leave();
    this.process.kill('SIGINT');
    try {
      assert.deepEqual(await within(DEADLINE, this.ended, () => 'no end'), { code: 0, signal: null }, this.said.stderr);
    } finally {
      this.process.kill('SIGKILL');
    }
    assert.equal(this.said.stderr, '');
  }
}

class Member {
  #socket;
  #heard = [];

  constructor(socket) {
    this.#socket = socket;
    for (const event of ['said', 'user']) socket.on(event, (data) => this.#heard.push([event, data]));
  }

  get isConnected() { return this.#socket.isConnected(); }

  /** Asks a virtual request: the status and the body. */
  ask(method, url, data = {}) {
    const answered = new Promise((resolve) => {
      this.#socket.request({ method, url, data }, (body, { statusCode }) => resolve([statusCode, body]));
    });
    return within(DEADLINE, answered, () => `no answer to ${method} ${url}`);
  }

  /** What it heard since the last time. All that was sent before this question is there when it is answered. */
  async heard() {
    const [status] = await this.ask('get', '/rooms/any');
    assert.equal(status, 200);
    return this.#heard.splice(0);
  }

  leave() {
    this.#socket._raw.io.reconnection(false);
    this.#socket._raw.disconnect();
  }
}

/** A test with a program of its own. */
function api(name, run) {
  test(name, async () => {
    const running = await Api.start();
    try {
      await run(running);
    } finally {
      await running.stop();
    }
  });
}

const OK = [200, { ok: true }];

api('rooms: to join and to leave them, over sockets', async (running) => {
  const [ann, ben] = await Promise.all([running.member(), running.member()]);
  const members = async (count) => {
    const answer = [200, { room: 'the lobby', members: count }];
    assert.deepEqual([await ann.ask('get', '/rooms/the%20lobby'), await running.fetch('GET', '/rooms/the%20lobby')], [answer, answer]);
  };
  await members(0);
  for (const member of [ann, ben, ben]) assert.deepEqual(await member.ask('put', '/rooms/the%20lobby/members'), OK);
  await members(2);
  assert.deepEqual(await ann.ask('delete', '/rooms/the%20lobby/members'), OK);
  await members(1);
  ben.leave();
  await eventually(() => members(0), 'Ben is still there');
});

api('what is said reaches all others in the room', async (running) => {
  const [ann, ben, cem] = await Promise.all([running.member(), running.member(), running.member()]);
  for (const member of [ann, ben]) await member.ask('put', '/rooms/lobby/members');
  assert.deepEqual(await ann.ask('post', '/rooms/lobby/messages', { text: 'hello' }), [200, { reached: 1 }]);
  assert.deepEqual([await ann.heard(), await ben.heard(), await cem.heard()], [[], [['said', { text: 'hello' }]], []]);
  assert.deepEqual(await cem.ask('post', '/rooms/lobby/messages', { text: 'from outside' }), [200, { reached: 2 }]);
  assert.deepEqual(await running.fetch('POST', '/rooms/lobby/messages', [1, 'by HTTP']), [200, { reached: 2 }]);
  const news = [['said', { text: 'from outside' }], ['said', [1, 'by HTTP']]];
  assert.deepEqual([await ann.heard(), await ben.heard(), await cem.heard()], [news, news, []]);
});

api('a record: who has asked for it hears what others change', async (running) => {
  const [ann, ben, cem] = await Promise.all([running.member(), running.member(), running.member()]);
  for (const member of [ann, ben]) assert.deepEqual(await member.ask('get', '/users/7'), [200, { id: 7, user: null }]);
  const [first, second] = [{ name: 'Dora' }, { name: 'Dora', age: 7 }];
  assert.deepEqual(await ann.ask('patch', '/users/7', first), [200, { id: 7, user: first }]);
  assert.deepEqual(await running.fetch('PATCH', '/users/7', second), [200, { id: 7, user: second }]);
  await ben.ask('patch', '/users/8', { name: 'somebody else' });
  const [created, changed] = [
    ['user', { verb: 'updated', id: 7, data: first }], ['user', { verb: 'updated', id: 7, data: second, previous: first }]];
  assert.deepEqual([await ann.heard(), await ben.heard(), await cem.heard()], [[changed], [created, changed], []]);
  assert.deepEqual(await running.fetch('GET', '/users/7'), [200, { id: 7, user: second }]);
});

api('what needs a socket, what cannot be read, what is not there', async (running) => {
  const ann = await running.member();
  for (const method of ['PUT', 'DELETE']) {
    const [status, text] = await running.fetch(method, '/rooms/lobby/members');
    assert.deepEqual([status, /socket/.test(text)], [400, true]);
  }
  const ask = [(...what) => running.fetch(...what), (method, ...what) => ann.ask(method.toLowerCase(), ...what)];
  for (const asked of ask) {
    assert.equal((await asked('GET', '/users/seven'))[0], 400);
    assert.equal((await asked('GET', '/nothing'))[0], 404);
    assert.equal((await asked('POST', '/rooms/lobby/members', {}))[0], 405);
  }
});

api('Ctrl-C ends it while somebody is there', async (running) => {
  const ann = await running.member();
  running.process.kill('SIGINT');
  assert.deepEqual(await within(DEADLINE, running.ended, () => 'no end'), { code: 0, signal: null }, running.said.stderr);
  await eventually(() => assert.equal(ann.isConnected, false), 'Ann is still connected');
});
