// Socket.IO's own clients, unmodified, as the suites here use them: each version over each transport.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { io as io48 } from 'socket.io-client';
import io20 from 'socket.io-client-2.0';
import io25 from 'socket.io-client-2.5';
import { DEADLINE, Server, within } from '../support.mjs';

export { DEADLINE, RESERVED, eventually, within } from '../support.mjs';

/** By version: 4.8 speaks Engine.IO 4, the others Engine.IO 3; 2.0 is the one inside sails.io.js. */
const CLIENTS = { 4.8: io48, 2.5: io25, '2.0': io20 };

const TRANSPORTS = { websocket: ['websocket'], polling: ['polling'], upgrade: ['polling', 'websocket'] };

/** Every client over every transport: `{client, transport, label}`. */
export const COMBINATIONS = Object.keys(CLIENTS).flatMap((client) => Object.keys(TRANSPORTS).map((transport) => (
  { client, transport, label: `${client} ${transport}` })));

/** Whether this version of the client speaks Socket.IO protocol 5 and Engine.IO 4. */
export const isCurrent = (client) => client === '4.8';

/** The events that are heard; `question` has a function to call, and tests listen for it themselves. */
const EVENTS = ['message-back', 'answer'];

/** A server and the Socket.IO clients that talk to it. */
export class SocketIoServer extends Server {
  #peers = [];

  /** Few of the tests are about the end of a server, so that it gives those who do not poll less time than usual. */
  static start(settings, args) {
    return super.start({ DRAIN: '300ms', ...settings }, args);
  }

  /** A client whose namespace is connected and whose transport is the last one of its list. */
  async open(options) {
    const peer = this.begin(options);
    await peer.ready();
    return peer;
  }

  /** A client that has only begun to connect. It does not come again after a disconnect unless told to. */
  begin({ client = '4.8', transport = 'websocket', nsp = '/', port = this.port, ...options } = {}) {
    const socket = CLIENTS[client](`http://${this.host}:${port}${nsp}`, {
      transports: TRANSPORTS[transport], forceNew: true, reconnection: false, timeout: DEADLINE, ...options });
    const peer = new Peer(socket, TRANSPORTS[transport].at(-1));
    this.#peers.push(peer);
    return peer;
  }

  async stop() {
    for (const peer of this.#peers) peer.leave();
    await super.stop();
  }
}

/** One socket (a namespace of a connection) of a client. */
export class Peer {
  /** Why it was disconnected, each time. */
  reasons = [];
  /** What went wrong: texts. */
  errors = [];
  /** The ids that it had. */
  ids = [];
  /** What the server said first: the argument of `auth`, each time. */
  greetings = [];

  #heard = [];
  #transport;
  #siblings = [];
  #waiting = new Set();

  constructor(socket, transport) {
    this.socket = socket;
    this.#transport = transport;
    this.#keep(EVENTS, (event, ...args) => this.#heard.push([event, ...args]));
    this.#keep(['auth'], (event, ...args) => this.greetings.push(...args));
    this.#keep(['connect'], () => this.ids.push(socket.id));
    this.#keep(['disconnect'], (event, reason) => this.reasons.push(reason));
    this.#keep(['connect_error', 'error'], (event, error) => this.errors.push(error.message ?? error));
  }

  #keep(events, take) {
    for (const event of events) {
      this.socket.on(event, (...args) => {
        take(event, ...args);
        this.#changed();
      });
    }
  }

  #changed() { for (const look of this.#waiting) look(); }

  /** Another namespace of the same connection, connected. */
  async also(nsp, options) {
    const sibling = this.begun(nsp, options);
    await sibling.ready();
    return sibling;
  }

  /** Another namespace of the same connection, which has only begun to connect. */
  begun(nsp, options) {
    const sibling = new Peer(this.socket.io.socket(nsp, options), this.#transport);
    this.#siblings.push(sibling);
    return sibling;
  }

  /** Waits until it is connected and greeted, and upgraded if it is to be. */
  async ready() {
    await this.becomes(() => this.ids.length > 0 && this.greetings.length > 0, 'connected');
    this.socket.io.engine.once('upgrade', () => this.#changed());
    await this.becomes(() => this.transport === this.#transport, `on ${this.#transport}`);
  }

  /** Waits for a condition of its own, which is looked at whenever something happened to it. */
  becomes(condition, what) {
    const met = new Promise((resolve) => {
      const look = () => {
        if (!condition()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
    return within(DEADLINE, met, () => `a client is not ${what} (${[...this.errors, ...this.reasons]})`);
  }

  get transport() { return this.socket.io.engine.transport.name; }

  emit(...args) { this.socket.emit(...args); }

  /** Emits and resolves to the arguments of the acknowledgement. */
  ask(...args) {
    return within(DEADLINE, new Promise((resolve) => this.socket.emit(...args, (...answers) => resolve(answers))),
      () => `no acknowledgement of ${args[0]}`);
  }

  /** Everything that the server sent before it answers this has arrived when it resolves. */
  async settle() {
    assert.deepEqual(await this.ask('message-with-ack'), []);
  }

  /** What was heard since the last call: `[event, ...args]` each. */
  heard() { return this.#heard.splice(0); }

  /** What was heard once `count` events are there; more of them fail. */
  async hears(count) {
    await this.becomes(() => this.#heard.length >= count, `told ${count} events`);
    await this.settle();
    assert.equal(this.#heard.length, count);
    return this.heard();
  }

  /** Sends as `message`, and resolves to what comes back. */
  async echo(...args) {
    this.heard();
    this.emit('message', ...args);
    const [[event, ...back]] = await this.hears(1);
    assert.equal(event, 'message-back');
    return back;
  }

  /** The reason of its first disconnect. */
  async disconnected() {
    await this.becomes(() => this.reasons.length > 0, 'disconnected');
    return this.reasons[0];
  }

  /** Leaves for good. */
  leave() {
    this.socket.io.reconnection(false);
    for (const peer of [this, ...this.#siblings]) peer.socket.disconnect();
  }
}

/** The way to a server, which a test can cut: what a client sees when its network goes away. */
export class Cable {
  #ends = new Set();
  #broken = false;

  static async to(server) {
    const cable = new this();
    cable.listener = net.createServer((near) => {
      if (cable.#broken) {
        near.destroy();
        return;
      }
      const far = net.connect(server.port, server.host);
      for (const [one, other] of [[near, far], [far, near]]) {
        cable.#ends.add(one);
        one.on('error', () => {}); // whoever breaks off
        one.on('close', () => {
          cable.#ends.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
    await once(cable.listener.listen(0, server.host), 'listening');
    cable.port = cable.listener.address().port;
    return cable;
  }

  /** Breaks all connections, also new ones. */
  cut() {
    this.#broken = true;
    for (const end of this.#ends) end.destroy();
  }

  /** Lets connections through again. */
  mend() { this.#broken = false; }

  remove() {
    this.listener.close();
    this.cut();
  }
}

/** Numbers from 0. */
export const numbers = (count) => Array.from({ length: count }, (_, number) => number);

/** The seed of a test's choices: `ROOMCAST_SEED`, or a new one. */
export const seed = () => Number(process.env.ROOMCAST_SEED ?? randomInt(2 ** 31));

/** A generator of random choices that a seed repeats (mulberry32): integers below `limit`. */
export function choices(start) {
  let state = start;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}
