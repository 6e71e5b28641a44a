// Who asks virtual requests: sails.io.js, unmodified, on the Socket.IO clients that it works with, and a bare socket of Socket.IO.

import assert from 'node:assert/strict';
import sailsIo from 'sails.io.js';
import io20 from 'socket.io-client-2.0';
import io25 from 'socket.io-client-2.5';
import { DEADLINE, SocketIoServer, within } from '../socketio/support.mjs';

export { Cable, DEADLINE, RESERVED, choices, eventually, numbers, seed, within } from '../socketio/support.mjs';

/** sails.io.js by the version of the client below it: 2.0 is the one inside its build for browsers, 2.5 the newest that it works with. */
export const SDKS = { '2.0': load(io20), 2.5: load(io25) };

const TRANSPORTS = { websocket: ['websocket'], polling: ['polling'], upgrade: ['polling', 'websocket'] };

/** sails.io.js on each client over each transport: `{client, transport, sdk, label}`. */
export const SAILS_CALLERS = Object.keys(SDKS).flatMap((client) => Object.keys(TRANSPORTS).map((transport) => (
  { client, transport, sdk: true, label: `sails.io.js on ${client} ${transport}` })));

/** The same, and a bare client of today. */
export const CALLERS = [...SAILS_CALLERS, ...Object.keys(TRANSPORTS).map((transport) => (
  { client: '4.8', transport, label: `socket.io-client 4.8 ${transport}` }))];

/** The parameters of the handshake by which a client says that it knows virtual requests. */
export const SDK_QUERY = { __sails_io_sdk_version: '1.2.1', __sails_io_sdk_platform: 'node', __sails_io_sdk_language: 'javascript' };

/** The events that callers hear. */
const EVENTS = ['message', 'news'];

/** The SDK augments a client; it must neither connect by itself nor write to the console. */
function load(io) {
  sailsIo(io);
  io.sails.autoConnect = false;
  io.sails.environment = 'production';
  return io;
}

/** A server and those who ask it. */
export class SailsServer extends SocketIoServer {
  #sockets = [];

  /** A socket of sails.io.js that has only begun to connect. */
  begin({ sdk, label, client, transport = 'websocket', port = this.port, ...options }) {
    if (!sdk) return super.begin({ client, transport, port, ...options });
    const settings = { transports: TRANSPORTS[transport], multiplex: false, timeout: DEADLINE, ...options };
    const socket = quietly(() => SDKS[client].sails.connect(`http://${this.host}:${port}`, settings));
    this.#sockets.push(socket);
    return socket;
  }

  /** A caller that is connected. */
  async call({ sdk, ...options } = {}) {
    if (!sdk) return Caller.of(await this.open({ query: SDK_QUERY, ...options }));
    const socket = this.begin({ sdk, ...options });
    await isConnected(socket);
    if (options.transport === 'upgrade') await isUpgraded(socket._raw.io.engine);
    return Caller.ofSdk(socket);
  }

  async stop() {
    for (const socket of this.#sockets) {
      socket._raw.io.reconnection(false);
      socket._raw.disconnect();
    }
    await super.stop();
  }
}

/** With several transports the SDK warns of what browsers cannot do, once for each socket. */
function quietly(action) {
  const { warn } = console;
  console.warn = () => {};
  try {
    return action();
  } finally {
    console.warn = warn;
  }
}

/** Waits until a socket of sails.io.js is connected. */
export function isConnected(socket) {
  return within(DEADLINE, new Promise((resolve, reject) => {
    if (socket.isConnected()) resolve();
    socket.on('connect', resolve);
    socket.on('connect_error', reject);
    socket.on('error', reject);
  }), () => 'sails.io.js is not connected');
}

function isUpgraded(engine) {
  if (engine.transport.name === 'websocket') return undefined;
  return within(DEADLINE, new Promise((resolve) => { engine.once('upgrade', resolve); }), () => 'no upgrade');
}

/** Asks virtual requests, and keeps what it hears. */
export class Caller {
  #request;
  #heard = [];

  /** Over a socket of Socket.IO's own client. */
  static of({ socket }) {
    return new Caller(socket, (request, done) => socket.emit(request.method, request, done));
  }

  /** Over a socket of sails.io.js. */
  static ofSdk(socket) {
    const caller = new Caller(socket._raw, (request, done) => socket.request(request, (body, jwr) => done({ ...jwr })));
    caller.sdk = socket;
    return caller;
  }

  constructor(socket, request) {
    this.socket = socket;
    this.#request = request;
    for (const event of EVENTS) socket.on(event, (...args) => this.#heard.push([event, ...args]));
  }

  get id() { return this.socket.id; }

  /** Asks, and resolves to the answer: `{body, headers, statusCode}`. */
  ask(method, url, data = {}, headers = {}) {
    const answered = new Promise((resolve) => { this.#request({ method, headers, data, url }, resolve); });
    return within(DEADLINE, answered, () => `no answer to ${method} ${url}`);
  }

  /** Asks what has to succeed; resolves to the body. */
  async ok(method, url, data, headers) {
    const { statusCode, body } = await this.ask(method, url, data, headers);
    assert.equal(statusCode, 200, `${method} ${url}: ${statusCode} ${JSON.stringify(body)}`);
    return body;
  }

  /** Asks what has to be refused with this status. */
  async refused(status, method, url, data) {
    const { statusCode, body } = await this.ask(method, url, data);
    assert.equal(statusCode, status, `${method} ${url} ${JSON.stringify(data)}: ${statusCode} ${JSON.stringify(body)}`);
  }

  /** The rooms it is in, its own aside. */
  async rooms() {
    const { rooms } = await this.ok('get', '/me/rooms');
    assert.ok(rooms.includes(this.id), 'the own-id room is missing');
    return rooms.filter((room) => room !== this.id).sort();
  }

  /** Everything that was sent to it so far has arrived when this resolves. */
  async settle() { await this.ok('get', '/me'); }

  /** What was heard since the last call: `[event, data]` each. */
  heard() { return this.#heard.splice(0); }

  leave() { this.socket.disconnect(); }
}

/** The path of a room's route. */
export const roomPath = (room, rest = '') => `/rooms/${encodeURIComponent(room)}${rest}`;
