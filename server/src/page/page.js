// Two panes, each a WebSocket of its own that speaks the JSON room protocol of /ws.

const LOG_MAX = 200;
const ROOMS_SHOWN_MAX = 30;
const RETRY_MS = [300, 1000, 2000, 4000, 8000];
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

class Pane {
  constructor(name, greeting) {
    this.root = document.getElementById('pane').content.firstElementChild.cloneNode(true);
    this.root.dataset.pane = name;
    this.root.setAttribute('aria-label', `Socket ${name.toUpperCase()}`);
    this.root.querySelector('h2').textContent = `Socket ${name.toUpperCase()}`;
    this.field('text').value = greeting;
    this.root.addEventListener('submit', (event) => {
      event.preventDefault();
      this.run('broadcast');
    });
    for (const button of this.root.querySelectorAll('[data-verb]')) {
      if (button.type !== 'submit') button.addEventListener('click', () => this.run(button.dataset.verb));
    }
    this.rooms = [];
    this.number = 0;
    this.retries = 0;
  }

  field(name) { return this.root.querySelector(`[data-field="${name}"]`); }
  out(name) { return this.root.querySelector(`[data-out="${name}"]`); }

  fields() {
    const { value: room } = this.field('room');
    const rooms = this.field('rooms').value.split(',').map((name) => name.trim()).filter(Boolean);
    return { room, rooms, text: this.field('text').value, event: this.field('event').value, omit: this.field('omit').checked, once: this.field('once').checked };
  }

  connect() {
    this.waiting = new Map();
    this.id = undefined;
    this.show(this.retries ? 'reconnecting' : 'connecting', '');
    this.socket = new WebSocket(address);
    this.socket.addEventListener('message', ({ data }) => this.take(data));
    this.socket.addEventListener('close', ({ code }) => this.lost(code));
  }

  lost(code) {
    const delay = RETRY_MS[Math.min(this.retries, RETRY_MS.length - 1)];
    this.retries += 1;
    for (const { settle } of this.waiting.values()) settle(undefined);
    this.note(`closed with ${code}, next attempt in ${delay / 1000} s`);
    this.show('reconnecting', 'lost');
    setTimeout(() => this.connect(), delay * (0.8 + Math.random() * 0.4));
  }

  /** The server said hello: this socket has an id. After a break it goes back into the rooms where it was. */
  async greeted(id) {
    this.id = id;
    this.retries = 0;
    this.out('id').textContent = id;
    this.show('connected', 'open');
    for (const room of this.rooms) this.ask('join', { room });
    await refresh();
  }

  show(status, kind) {
    this.out('status').textContent = status;
    this.out('status').className = `status ${kind}`;
    for (const button of this.root.querySelectorAll('button')) button.disabled = kind !== 'open';
  }

  /** A verb's button was pressed. */
  async run(verb) {
    const reply = await this.ask(verb, VERBS[verb](this.fields()), true);
    if (!reply) return;
    this.out('result').textContent = reply.text;
    this.out('result').classList.toggle('bad', !reply.ok);
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
      if (this.id === undefined) this.greeted(frame.data.id); // the first frame of a connection is the hello
      else this.hear(frame);
      return;
    }
    const asked = this.waiting.get(frame.reply);
    this.waiting.delete(frame.reply);
    if (asked?.shown) this.frame('in', text);
    asked?.settle({ ...frame, text });
  }

  hear({ event, data }) {
    const line = element('li', '', element('span', 'event', event), element('span', 'data', typeof data === 'string' ? data : JSON.stringify(data)), element('time', '', new Date().toLocaleTimeString([], { hour12: false })));
    append(this.out('log'), line);
    done('hear');
  }

  frame(kind, text) { append(this.out('frames'), element('li', kind, text)); }
  note(text) { this.frame('note', text); }

  /** The pane's rooms and those named in its fields, each with its number of members. */
  async refresh() {
    const reply = await this.ask('rooms');
    if (!reply?.ok) return;
    this.rooms = reply.rooms.filter((room) => room !== this.id).sort();
    const { room, rooms } = this.fields();
    const names = [...new Set([...this.rooms, room, ...rooms])].filter(Boolean).slice(0, ROOMS_SHOWN_MAX);
    const counts = await Promise.all(names.map(count));
    this.out('members').replaceChildren(...names.map((name, at) => {
      const members = counts[at] === 1 ? '1 member' : `${counts[at] ?? '?'} members`;
      return element('li', this.rooms.includes(name) ? 'in' : '', element('b', '', name), element('span', '', members));
    }));
  }
}

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

/** Adds to the end of a list that keeps its last lines, and follows the end. */
function append(list, line) {
  list.append(line);
  while (list.childElementCount > LOG_MAX) list.firstElementChild.remove();
  list.scrollTop = list.scrollHeight;
}

/** What the server says under a path; nothing if it does not. */
async function json(...path) {
  try {
    const response = await fetch(`/${path.map(encodeURIComponent).join('/')}`, { cache: 'no-store' });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}

async function count(room) {
  return (await json('rooms', room))?.members;
}

function done(step) {
  document.querySelector(`[data-step="${step}"]`).classList.add('done');
}

const panes = [new Pane('a', 'Hello from A'), new Pane('b', 'Hello from B')];
let running;
let again = false;

/** Brings rooms, members and the server's counters up to date. Calls that come meanwhile are one more round together. */
async function refresh() {
  again = true;
  running ??= (async () => {
    while (again) {
      again = false;
      await refreshAll();
    }
    running = undefined;
  })();
  await running;
}

async function refreshAll() {
  await Promise.all(panes.map((pane) => pane.refresh()));
  const [a, b] = panes;
  if (a.rooms.some((room) => b.rooms.includes(room))) done('join');
  const stats = await json('stats');
  for (const out of document.querySelectorAll('[data-stat]')) out.textContent = stats?.[out.dataset.stat] ?? '–';
}

document.querySelector('[data-out="address"]').textContent = address.href;
document.getElementById('panes').append(...panes.map((pane) => pane.root));
document.addEventListener('change', refresh);
document.addEventListener('visibilitychange', () => { if (!document.hidden) refresh(); });
setInterval(() => { if (!document.hidden) refresh(); }, REFRESH_MS);
for (const pane of panes) pane.connect();
