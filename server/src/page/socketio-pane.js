// The pane of a Socket.IO socket, which shares the rooms with the raw ones.

import { done } from '/dom.js';
import { SocketPane } from '/socket-pane.js';
import { RESERVED, SocketIo } from '/socketio.js';

const ACK_MS = 5000;

export const address = new URL('/socket.io/', location.href);
address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';

export class SocketIoPane extends SocketPane {
  /** `raw` is the pane whose socket joins this one to rooms: Socket.IO leaves that to servers. */
  constructor(letter, raw) {
    super('socketio-pane', letter);
    this.raw = raw;
    this.press('emit', () => this.emit());
    this.press('join', () => this.move('join'));
    this.press('leave', () => this.move('leave'));
    this.press('connection', () => (this.id ? this.io.disconnect() : this.connect()));
  }

  connect() {
    clearTimeout(this.timer);
    const auth = this.auth();
    if (!auth) return;
    this.show(this.retrying ? 'reconnecting' : 'connecting');
    this.io = new SocketIo(address, auth, {
      connected: (id) => this.connected(id),
      heard: (event, args) => this.take(event, args),
      packet: (direction, text) => this.frame(direction, text),
      ended: (reason, lost) => this.ended(reason, lost),
    });
  }

  connected(id) {
    super.connected(id);
    this.advise('');
    this.changed();
  }

  /** A lost connection is tried again; one that somebody ended stays ended until the button is pressed. */
  ended(reason, lost) {
    const wasThere = this.id !== undefined;
    this.id = undefined;
    this.out('id').textContent = '';
    this.note(reason);
    if (lost) {
      const seconds = this.retry() / 1000;
      this.show(wasThere ? 'reconnecting' : 'not connected', 'lost');
      if (!wasThere) this.advise(`No Socket.IO server answers at ${address}. The next attempt is in ${seconds} s.`);
    } else {
      this.show(reason);
    }
    this.button('connection').disabled = false;
    this.changed();
  }

  show(status, kind) {
    super.show(status, kind);
    const [name, takes] = this.button('connection').children;
    [name.textContent, takes.textContent] = kind === 'open' ? ['disconnect', 'no arguments'] : ['connect', 'Auth'];
  }

  /** A sentence for whom something does not work. */
  advise(text) {
    this.out('advice').textContent = text;
    this.out('advice').hidden = text === '';
  }

  /** What is sent when connecting; nothing if it is no JSON object. */
  auth() {
    const auth = json(this.field('auth').value || '{}');
    if (auth !== null && typeof auth === 'object' && !Array.isArray(auth)) return auth;
    this.returned('“Auth” takes a JSON object, such as {"name": "C"}', false);
    return undefined;
  }

  async emit() {
    const event = this.field('event').value || 'message';
    const args = json(`[${this.field('args').value}]`);
    if (!args) return this.returned('“Arguments” takes JSON values with commas between, such as "hello", 42, {"a": [1, 2]}', false);
    if (RESERVED.includes(event)) return this.returned(`“${event}” is a name of the protocol itself: the server would end the connection`, false);
    if (!this.field('ack').checked) {
      this.io.emit(event, args);
      return this.returned('sent');
    }
    this.returned('waiting for the ack');
    const answer = await this.io.ask(event, args, ACK_MS);
    return answer ? this.returned(JSON.stringify(answer)) : this.returned(`no ack within ${ACK_MS / 1000} s`, false);
  }

  /** Its rooms, as the server answers a request that comes over its own connection. */
  async refresh() {
    const { id } = this;
    const [answer] = (id && await this.io.ask('get', [{ url: '/me/rooms' }], ACK_MS, true)) ?? [];
    const rooms = answer?.body?.rooms ?? []; // what is no request is answered without a body
    await this.showRooms(rooms.filter((room) => room !== id).sort(), [this.field('room').value]);
  }

  /** Has the raw socket join this one to the room, or leave it. */
  async move(op) {
    const reply = await this.raw.ask(op, { room: this.field('room').value, ids: [this.id] }, true);
    if (!reply) return this.returned(`${this.raw.root.getAttribute('aria-label')} is not connected`, false);
    this.returned(reply.text, reply.ok);
    if (reply.ok && op === 'join') done('share');
    return this.changed();
  }

  /** Its rooms are others now: the page looks at all of them again. */
  changed() { this.root.dispatchEvent(new Event('change', { bubbles: true })); }

  /** Shows an event. An ack that is wanted gets the arguments back. */
  take(event, args) {
    this.hear(event, args.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join(', '));
    return args;
  }
}

/** The value of a JSON text; nothing if it is none. */
function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
