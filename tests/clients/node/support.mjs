// What every suite here needs: the server as a process, a client of the room protocol, and waiting for conditions.
//
// Nothing sleeps for a fixed time. A check that something did NOT arrive asks the server a question first (`settle`):
// answers and deliveries reach a socket in the order in which they were sent, so what is not there by then never comes.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import WebSocket from 'ws';

/** How long a condition may take, in ms: far longer than ever seen, so that a busy machine fails no test. */
export const DEADLINE = 20_000;

/** The settings that a server reads from its environment; tests start from none of them. */
const SETTINGS = ['PORT', 'HOST', 'PING_INTERVAL', 'PING_TIMEOUT', 'CONNECT_TIMEOUT', 'MAX_PAYLOAD', 'HEAD_TIMEOUT',
  'LANES', 'ORIGINS', 'LOG', 'DRAIN', 'TLS_CERT', 'TLS_KEY'];

/** Event names that only a server may send (CONTRACT section 2). */
export const RESERVED = ['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'];

/** The six keys of `GET /stats`. */
export const STATS = ['tcp', 'engine', 'sockets', 'websockets', 'rooms', 'memberships'];

const BANNER = /^roomcast (\S+) on https?:\/\/(\S+):(\d+), (\d+) lanes?$/m;

/** A running `roomcast-server`. */
export class Server {
  #clients = new Set();

  /** How HTTP is asked; a server inside TLS has another way. */
  http = http;

  /** Starts one on a free port with these settings, and waits for its banner. */
  static async start(settings = {}, args = []) {
    const server = new this();
    server.process = launch({ PORT: '0', ...settings }, args);
    await eventually(() => {
      assert.equal(server.process.ended, undefined, `the server ended: ${server.process.stderr}`);
      assert.match(server.process.stdout, BANNER);
    }, 'no banner on stdout');
    [, server.version, server.host, server.port, server.lanes] = BANNER.exec(server.process.stdout);
    server.port = Number(server.port);
    return server;
  }

  /** The address with another scheme. */
  url(path = '/', scheme = 'http') {
    return `${scheme}://${this.host}:${this.port}${path}`;
  }

  /** One request on a connection of its own: `{status, headers, body}`. */
  request(path, { method = 'GET', headers = {} } = {}) {
    return new Promise((resolve, reject) => {
      const options = { host: this.host, port: this.port, path, method, headers, agent: false, timeout: DEADLINE };
      const request = this.http.request(options, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (part) => { body += part; });
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
      });
      request.on('timeout', () => request.destroy(new Error(`no answer to ${method} ${path}`)));
      request.on('error', reject).end();
    });
  }

  /** The six counters. */
  async stats() {
    const all = JSON.parse((await this.request('/stats')).body);
    return Object.fromEntries(STATS.map((key) => [key, all[key]]));
  }

  /** The counters once they stand still: a test before may have left a connection on its last way. */
  async restingStats() {
    const agreeing = [await this.stats()];
    while (agreeing.length < 3) {
      await sleep(20);
      const latest = await this.stats();
      if (!isDeepStrictEqual(latest, agreeing.at(-1))) agreeing.length = 0;
      agreeing.push(latest);
    }
    return agreeing.at(-1);
  }

  /** Waits until the counters are these. */
  async statsBecome(wanted, milliseconds = DEADLINE) {
    await eventually(async () => assert.deepEqual(await this.stats(), wanted), '/stats', milliseconds);
  }

  /** How many sockets are in a room, over HTTP. */
  async members(room) {
    const { status, body } = await this.request(`/rooms/${encodeURIComponent(room)}`);
    assert.equal(status, 200, body);
    return JSON.parse(body).members;
  }

  /** Waits until a room has that many members. */
  async membersBecome(room, wanted) {
    await eventually(async () => assert.equal(await this.members(room), wanted), `members of ${room}`);
  }

  /** A client of the room protocol that has been greeted. */
  async connect(options = {}) {
    const client = new Client(this.url('/ws', 'ws'), options);
    this.#clients.add(client);
    await client.greeted;
    return client;
  }

  /** A client of `/ws/echo`, which greets nobody and answers every frame with itself. */
  async connectEcho(options = {}) {
    const client = new Client(this.url('/ws/echo', 'ws'), { echo: true, ...options });
    this.#clients.add(client);
    await client.greeted;
    return client;
  }

  /** Several at once. */
  connectAll(count, options) {
    return Promise.all(Array.from({ length: count }, () => this.connect(options)));
  }

  /** Ends the clients that were left, then the server as an operator would: it has to go in peace. */
  async stop() {
    for (const client of this.#clients) client.socket.terminate();
    this.process.kill('SIGTERM');
    const ended = await Promise.race([this.process.exited, sleep(DEADLINE, undefined, { ref: false })]);
    this.process.kill('SIGKILL');
    assert.doesNotMatch(this.process.stderr, /panicked at/, 'the server panicked');
    assert.deepEqual(ended, { code: 0, signal: null }, `the server did not end well: ${this.process.stderr}`);
  }
}

/** A server process with any settings: its `stdout` and `stderr` so far, `exited` (a promise of `{code, signal}`). */
export function launch(settings = {}, args = []) {
  const env = { ...process.env, ...settings };
  for (const name of SETTINGS) if (!(name in settings)) delete env[name];
  const child = spawn(binary(), args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const launched = { stdout: '', stderr: '', ended: undefined, kill: (signal) => child.kill(signal) };
  for (const stream of ['stdout', 'stderr']) {
    child[stream].setEncoding('utf8').on('data', (part) => { launched[stream] += part; });
  }
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  launched.exited = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      process.removeListener('exit', kill);
      launched.ended = { code, signal };
      resolve(launched.ended);
    });
  });
  return launched;
}

function binary() {
  const target = process.env.CARGO_TARGET_DIR ?? path.resolve(import.meta.dirname, '../../../target');
  const places = [process.env.ROOMCAST_SERVER, `${target}/release/roomcast-server`, `${target}/debug/roomcast-server`];
  const found = places.find((place) => place && existsSync(place));
  assert.ok(found, 'no server to test: cargo build --release -p roomcast-server');
  return found;
}

/** A client of the room protocol. What arrives is kept as the text it was. */
export class Client {
  /** Every text frame, the hello first. */
  frames = [];
  /** The frames that are deliveries. */
  deliveries = [];
  /** The frames that are replies nobody waited for. */
  replies = [];
  /** How many pings came. */
  pings = 0;

  #echo;
  #waiting = [];
  #lastId = 0;

  constructor(url, { echo = false, ...options } = {}) {
    this.#echo = echo;
    // The TCP socket is made here to be at hand for tests that break it.
    const createConnection = (where) => (this.tcp = net.connect({ ...where, path: undefined }));
    this.socket = new WebSocket(url, { perMessageDeflate: false, createConnection, ...options });
    this.socket.on('message', (data, binary) => this.#take(data, binary));
    this.socket.on('ping', () => { this.pings += 1; });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => {
        resolve({ code, reason: String(reason) });
        for (const { reject } of this.#waiting.splice(0)) reject(new Error(`closed with ${code} instead of a reply`));
      });
    });
    this.greeted = new Promise((resolve, reject) => {
      this.greet = resolve;
      if (echo) this.socket.on('open', resolve);
      this.socket.on('error', reject);
      this.closed.then(({ code }) => reject(new Error(`closed with ${code} before a hello`)));
    });
    this.greeted.catch(() => {}); // also seen by those who wait for it
  }

  #take(data, binary) {
    const text = binary ? `binary of ${data.length} bytes` : data.toString();
    this.frames.push(text);
    if (this.frames.length === 1 && !this.#echo) {
      this.id = JSON.parse(text).data.id;
      this.greet();
    } else if (!text.startsWith('{"reply":') && !this.#echo) {
      this.deliveries.push(text);
    } else if (this.#waiting.length > 0) {
      this.#waiting.shift().resolve(text);
    } else {
      this.replies.push(text);
    }
  }

  /** Sends a frame and resolves to the text of the next reply: replies keep the order of the requests. */
  exchange(frame) {
    const reply = new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    this.socket.send(frame);
    return within(DEADLINE, reply, () => `no reply to ${String(frame).slice(0, 200)}`);
  }

  /** Sends a request and resolves to what its reply holds beside the id. */
  async ask(op, args = {}) {
    const id = ++this.#lastId;
    const { reply, ...rest } = JSON.parse(await this.exchange(JSON.stringify({ id, op, ...args })));
    assert.equal(reply, id);
    return rest;
  }

  /** A request that has to succeed; resolves to what its reply holds beside `ok`. */
  async ok(op, args) {
    const { ok, ...rest } = await this.ask(op, args);
    assert.equal(ok, true, `${op} ${JSON.stringify(args)}: ${rest.error}`);
    return rest;
  }

  /** A request that has to be refused; resolves to the reason. */
  async refused(op, args) {
    const { ok, error, ...rest } = await this.ask(op, args);
    assert.equal(ok, false, `${op} ${JSON.stringify(args)} was accepted`);
    assert.ok(typeof error === 'string' && error.length > 0, 'a refusal says why');
    assert.deepEqual(rest, {});
    return error;
  }

  /** The rooms it is in, its own aside. */
  async rooms() {
    const { rooms } = await this.ok('rooms');
    assert.ok(rooms.includes(this.id), 'the own-id room is missing');
    return rooms.filter((room) => room !== this.id).sort();
  }

  /** What was delivered since the last call: `[event, data]` each. */
  heard() {
    return this.deliveries.splice(0).map((text) => {
      const { event, data } = JSON.parse(text);
      return [event, data];
    });
  }
}

/** Everything sent to these clients so far has arrived when this resolves. */
export async function settle(...clients) {
  await Promise.all(clients.flat().map((client) => client.ok('getId')));
}

/** Waits until `check` neither throws nor returns false; then the last failure is the test's. */
export async function eventually(check, what, milliseconds = DEADLINE) {
  const end = Date.now() + milliseconds;
  for (;;) {
    try {
      if ((await check()) !== false) return;
      if (Date.now() > end) assert.fail('still not so');
    } catch (error) {
      if (Date.now() > end) throw new Error(`${what}: ${error.message}`, { cause: error });
    }
    await sleep(20);
  }
}

/** The promise's value, or a failure that says what it waited for. */
export function within(milliseconds, promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what()} within ${milliseconds} ms`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
