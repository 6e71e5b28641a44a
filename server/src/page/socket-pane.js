// The pane of a socket. It has a status, rooms, what it heard, and what went over its wire.

import { append, element } from '/dom.js';
import { count } from '/http.js';
import { Pane } from '/pane.js';

const ROOMS_SHOWN_MAX = 30;
const RETRY_MS = [300, 1000, 2000, 4000, 8000];

export class SocketPane extends Pane {
  #retries = 0;

  /** A copy of a template, for the socket with this letter. */
  constructor(template, letter) {
    super(template, letter, `Socket ${letter.toUpperCase()}`);
  }

  /** The word beside the name: `open`, `lost` or neither. Only an open pane has buttons to press. */
  show(status, kind = '') {
    this.out('status').textContent = status;
    this.out('status').className = `status ${kind}`;
    for (const button of this.root.querySelectorAll('button')) button.disabled = kind !== 'open';
  }

  connected(id) {
    this.#retries = 0;
    this.id = id;
    this.out('id').textContent = id;
    this.show('connected', 'open');
  }

  /** Connects again after a while that grows, in ms; it is returned. */
  retry() {
    const delay = RETRY_MS[Math.min(this.#retries, RETRY_MS.length - 1)];
    this.#retries += 1;
    this.timer = setTimeout(() => this.connect(), delay * (0.8 + Math.random() * 0.4));
    return delay;
  }

  get retrying() { return this.#retries > 0; }

  /** The rooms that the socket is in, then those that are named in the pane's fields, each with its number of members. */
  async showRooms(rooms, named) {
    const names = [...new Set([...rooms, ...named])].filter(Boolean).slice(0, ROOMS_SHOWN_MAX);
    const counts = await Promise.all(names.map(count));
    this.out('members').replaceChildren(...names.map((name, at) => {
      const members = counts[at] === 1 ? '1 member' : `${counts[at] ?? '?'} members`;
      return element('li', rooms.includes(name) ? 'in' : '', element('b', '', name), element('span', '', members));
    }));
  }

  /** What a button brought. */
  returned(text, good = true) {
    this.out('result').textContent = text;
    this.out('result').classList.toggle('bad', !good);
  }

  /** A message has come. */
  hear(event, text) {
    const time = new Date().toLocaleTimeString([], { hour12: false });
    append(this.out('log'), element('li', '', element('span', 'event', event), element('span', 'data', text), element('time', '', time)));
  }

  /** One line of the wire: `in`, `out` or a `note`. */
  frame(kind, text) { append(this.out('frames'), element('li', kind, text)); }
  note(text) { this.frame('note', text); }
}
