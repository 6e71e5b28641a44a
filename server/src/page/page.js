// Three panes, each with a connection of its own: the first two speak the JSON room protocol of /ws, the third Socket.IO. One more
// makes requests over the third one's connection.

import { done } from '/dom.js';
import { json } from '/http.js';
import { RequestsPane } from '/requests-pane.js';
import { inRounds } from '/rounds.js';
import { SocketPane } from '/socket-pane.js';
import { SocketIoPane, address as socketIoAddress } from '/socketio-pane.js';

const REFRESH_MS = 3000;

const address = new URL('/ws', location.href);
address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';

/** What each verb sends, made of the pane's fields. */
const VERBS = {
  join: (f) => ({ room: f.room }),
  leave: (f) => ({ room: f.room }),
  leaveAll: (f) => ({ room: f.room }),
  getId: () => ({}),
  broadcast: (f) => ({ rooms: f.rooms.length ? f.rooms : [f.room], ...message(f), ...(f.once && { once: true }) }),
  blast: (f) => message(f),
  addRoomMembersToRooms: (f) => ({ room: f.room, to: f.rooms }),
  removeRoomMembersFromRooms: (f) => ({ room: f.room, from: f.rooms }),
};

const message = (f) => ({ ...(f.event && { event: f.event }), data: f.text, ...(f.omit && { omit: true }) });

class RawPane extends SocketPane {
  constructor(letter, greeting) {
    super('raw-pane', letter);
    this.field('text').value = greeting;
    for (const verb of Object.keys(VERBS)) this.press(verb, () => this.run(verb));
    this.rooms = [];
    this.number = 0;
  }

  fields() {
    const { value: room } = this.field('room');
    const rooms = this.field('rooms').value.split(',').map((name) => name.trim()).filter(Boolean);
    return { room, rooms, text: this.field('text').value, event: this.field('event').value, omit: this.field('omit').checked, once: this.field('once').checked };
  }

  connect() {
    this.waiting = new Map();
    this.id = undefined;
    this.out('id').textContent = '';
    this.show(this.retrying ? 'reconnecting' : 'connecting');
    this.socket = new WebSocket(address);
    this.socket.addEventListener('message', ({ data }) => this.take(data));
    this.socket.addEventListener('close', ({ code }) => this.lost(code));
  }

  lost(code) {
    for (const { settle } of this.waiting.values()) settle(undefined);
    this.note(`closed with ${code}, next attempt in ${this.retry() / 1000} s`);
    this.show('reconnecting', 'lost');
  }

  /** The server said hello: this socket has an id. After a break it goes back into the rooms where it was. */
  async greeted(id) {
    this.connected(id);
    for (const room of this.rooms) this.ask('join', { room });
    await refresh();
  }

  /** A verb's button was pressed. */
  async run(verb) {
    const reply = await this.ask(verb, VERBS[verb](this.fields()), true);
    if (!reply) return;
    this.returned(reply.text, reply.ok);
    if (reply.ok && verb === 'addRoomMembersToRooms') done('bulk');
    await refresh();
  }

  /** Sends a request; the reply, or nothing if the connection broke. What the page asks for itself is not shown. */
  ask(op, args, shown = false) {
    if (this.socket.readyState !== WebSocket.OPEN) return Promise.resolve(undefined);
    const id = this.number += 1;
    const text = JSON.stringify({ id, op, ...args });
    if (shown) this.frame('out', text);
    return new Promise((settle) => {
      this.waiting.set(id, { settle, shown });
      this.socket.send(text);
    });
  }

  take(text) {
    const frame = JSON.parse(text);
    if (!('reply' in frame)) {
      this.frame('in', text);
      if (this.id === undefined) return this.greeted(frame.data.id); // the first frame of a connection is the hello
      done('hear');
      return this.hear(frame.event, typeof frame.data === 'string' ? frame.data : JSON.stringify(frame.data));
    }
    const asked = this.waiting.get(frame.reply);
    this.waiting.delete(frame.reply);
    if (asked?.shown) this.frame('in', text);
    return asked?.settle({ ...frame, text });
  }

  /** The pane's rooms and those named in its fields. */
  async refresh() {
    const reply = await this.ask('rooms');
    if (!reply?.ok) return;
    this.rooms = reply.rooms.filter((room) => room !== this.id).sort();
    const { room, rooms } = this.fields();
    await this.showRooms(this.rooms, [room, ...rooms]);
  }
}

const raw = [new RawPane('a', 'Hello from A'), new RawPane('b', 'Hello from B')];
const socketIo = new SocketIoPane('c', raw[0]);
const panes = [...raw, socketIo];

/** Brings rooms, members and the server's counters up to date. */
const refresh = inRounds(refreshAll);

async function refreshAll() {
  await Promise.all(panes.map((pane) => pane.refresh()));
  const [a, b] = raw;
  if (a.rooms.some((room) => b.rooms.includes(room))) done('join');
  const stats = await json('stats');
  for (const out of document.querySelectorAll('[data-stat]')) out.textContent = stats?.[out.dataset.stat] ?? '–';
}

document.querySelector('[data-out="address"]').textContent = address.href;
document.querySelector('[data-out="socketio-address"]').textContent = socketIoAddress.href;
document.getElementById('panes').append(...[...panes, new RequestsPane(socketIo)].map((pane) => pane.root));
document.addEventListener('change', refresh);
document.addEventListener('visibilitychange', () => { if (!document.hidden) refresh(); });
setInterval(() => { if (!document.hidden) refresh(); }, REFRESH_MS);
for (const pane of panes) pane.connect();
