// Engine.IO by hand: requests, payloads and frames as they go over the wire.

import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import WebSocket from 'ws';
import { DEADLINE, eventually, within } from '../support.mjs';

/** Both paths, both revisions. */
export const VARIANTS = ['/socket.io/', '/engine.io/'].flatMap((path) => [4, 3].map((revision) => (
  { path, revision, label: `${path} revision ${revision}` })));

/** What an error looks like: status 400 and this body. */
export const ERRORS = {
  transport: { code: 0, message: 'Transport unknown' },
  session: { code: 1, message: 'Session ID unknown' },
  method: { code: 2, message: 'Bad handshake method' },
  request: { code: 3, message: 'Bad request' },
  version: { code: 5, message: 'Unsupported protocol version' },
};

/** One request on a connection of its own: `{status, headers, bytes, body}`. */
export function ask(server, target, { method = 'GET', headers = {}, body } = {}) {
  return within(DEADLINE, new Promise((resolve, reject) => {
    const request = http.request({ host: server.host, port: server.port, path: target, method, headers, agent: false }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part)).on('error', reject);
      response.on('end', () => {
        const bytes = Buffer.concat(parts);
        resolve({ status: response.statusCode, headers: response.headers, bytes, body: bytes.toString() });
      });
    });
    request.on('error', reject).end(body);
  }), () => `no answer to ${method} ${target}`);
}

/** The answer is this error. */
export function isError({ status, headers, body }, error) {
  assert.deepEqual([status, JSON.parse(body)], [400, error]);
  assert.match(headers['content-type'], /^application\/json/);
}

/** Packets as the body of a request. */
export function payload(revision, packets) {
  return revision === 4 ? packets.join('\x1e') : packets.map((packet) => `${packet.length}:${packet}`).join('');
}

/** The packets of a body; the lengths of revision 3 count UTF-16 units, as JavaScript does. */
export function packetsOf(revision, body) {
  if (revision === 4) return body.split('\x1e');
  const packets = [];
  for (let at = 0; at < body.length;) {
    const colon = body.indexOf(':', at);
    const length = Number(body.slice(at, colon));
    assert.ok(colon > at && Number.isInteger(length), `no payload: ${body.slice(at)}`);
    packets.push(body.slice(colon + 1, colon + 1 + length));
    assert.equal(packets.at(-1).length, length, 'a payload was cut');
    at = colon + 1 + length;
  }
  return packets;
}

/** A session on long-polling. */
export class PollingSession {
  /** Packets that came and nobody took. */
  packets = [];

  static async open(server, { path = '/socket.io/', revision = 4, query = '' } = {}) {
    const session = new this();
    Object.assign(session, { server, path, revision, target: `${path}?EIO=${revision}&transport=polling${query}` });
    const [open, ...packets] = packetsOf(revision, (await session.get()).body);
    assert.ok(open.startsWith('0'), `no open packet: ${open}`);
    session.handshake = JSON.parse(open.slice(1));
    session.packets = packets;
    session.sid = session.handshake.sid;
    session.target += `&sid=${session.sid}`;
    return session;
  }

  get(options) { return ask(this.server, this.target, options); }

  post(body, options) { return ask(this.server, this.target, { method: 'POST', body, ...options }); }

  /** A POST of which the head and the first byte are on their way: its TCP connection. */
  beginPost() {
    const tcp = net.connect(this.server.port, this.server.host);
    tcp.on('error', () => {}); // a server that ends the session may reset it
    tcp.write(`POST ${this.target} HTTP/1.1\r\nHost: ${this.server.host}\r\nContent-Length: 100\r\n\r\n4`);
    return tcp;
  }

  /** Sends packets, which have to be accepted. */
  async send(...packets) {
    const { status, body } = await this.post(payload(this.revision, packets));
    assert.deepEqual([status, body], [200, 'ok']);
  }

  /** Takes `count` packets, polling as often as it needs to. */
  async receive(count) {
    while (this.packets.length < count) {
      const { status, body } = await this.get();
      assert.equal(status, 200, body);
      this.packets.push(...packetsOf(this.revision, body));
    }
    return this.packets.splice(0, count);
  }

  /** A poll that the server holds, once it surely does: `{answer}`, a promise of the packets. */
  async hold() {
    assert.deepEqual(this.packets, []);
    const answer = this.get().then(({ status, body }) => ({ status, packets: packetsOf(this.revision, body) }));
    answer.catch(() => {}); // also seen by those who wait for it
    await this.send('6'); // came later than the poll
    return { answer };
  }

  /** Another transport for this session, which has not asked to take over yet. */
  candidate(options) {
    return WebSocketSession.connect(this.server, { path: this.path, revision: this.revision, query: `&sid=${this.sid}`, ...options });
  }

  /** Waits until the server does not know this session any more. */
  async isGone() {
    await eventually(async () => isError(await this.post(payload(this.revision, ['6'])), ERRORS.session), 'the end of a session');
  }

  /** The session is there: it accepts a packet that means nothing. */
  async isThere() { await this.send('6'); }
}

/** A session, or a transport that wants one, on a WebSocket. */
export class WebSocketSession {
  /** Frames that came and nobody took: texts and buffers. */
  frames = [];

  #waiting = [];

  /** A WebSocket that is open; nothing is said yet. */
  static async connect(server, { path = '/socket.io/', revision = 4, query = '', ...options } = {}) {
    const session = new this(server, `${path}?EIO=${revision}&transport=websocket${query}`, options);
    session.revision = revision;
    await within(DEADLINE, session.opened, () => 'no WebSocket');
    return session;
  }

  /** A session of its own, its open packet read. */
  static async open(server, options) {
    const session = await this.connect(server, options);
    const open = await session.next();
    assert.ok(open.startsWith('0'), `no open packet: ${open}`);
    session.handshake = JSON.parse(open.slice(1));
    session.sid = session.handshake.sid;
    return session;
  }

  constructor(server, target, options) {
    const createConnection = (where) => (this.tcp = net.connect({ ...where, path: undefined }));
    this.socket = new WebSocket(server.url(target, 'ws'), { perMessageDeflate: false, createConnection, ...options });
    this.socket.on('message', (data, binary) => this.#take(binary ? data : data.toString()));
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code) => {
        resolve(code);
        for (const { reject } of this.#waiting.splice(0)) reject(new Error(`closed with ${code} instead of a frame`));
      });
    });
    this.opened = new Promise((resolve, reject) => {
      this.socket.on('open', resolve);
      this.socket.on('error', reject);
    });
    this.opened.catch(() => {}); // also seen by those who wait for it
  }

  send(...frames) { for (const frame of frames) this.socket.send(frame); }

  #take(frame) {
    if (this.#waiting.length > 0) this.#waiting.shift().resolve(frame);
    else this.frames.push(frame);
  }

  /** The next frame. */
  next() {
    if (this.frames.length > 0) return Promise.resolve(this.frames.shift());
    return within(DEADLINE, new Promise((resolve, reject) => this.#waiting.push({ resolve, reject })), () => 'no frame');
  }

  /** The next frames. */
  async receive(count) {
    const frames = [];
    while (frames.length < count) frames.push(await this.next());
    return frames;
  }

  /** The code with which it was closed. */
  isClosed() { return within(DEADLINE, this.closed, () => `not closed after ${this.frames}`); }

  leave() { this.socket.terminate(); }
}

/** What a WebSocket handshake is answered with: 101, or the status of the refusal. */
export function upgradeStatus(server, target, options = {}) {
  return within(DEADLINE, new Promise((resolve, reject) => {
    const socket = new WebSocket(server.url(target, 'ws'), { perMessageDeflate: false, ...options });
    socket.on('open', () => { socket.terminate(); resolve(101); });
    socket.on('unexpected-response', (request, response) => { request.destroy(); resolve(response.statusCode); });
    socket.on('error', reject);
  }), () => `no answer to a WebSocket handshake for ${target}`);
}
