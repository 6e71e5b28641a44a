// The pane of requests. The same request goes over the connection of a Socket.IO socket, as sails.io.js sends it, or by plain HTTP.

import { element } from '/dom.js';
import { send } from '/http.js';
import { Pane } from '/pane.js';
import { Mistake, isObject, line, read } from '/request.js';

const ANSWER_MS = 5000;
const FIELDS = ['method', 'url', 'headers', 'data'];

const EXAMPLES = [
  { method: 'GET', url: '/me' },
  { method: 'GET', url: '/me/rooms' },
  { method: 'PUT', url: '/rooms/lobby/members' },
  { method: 'POST', url: '/rooms/lobby/messages', data: '{"data": "Hello from a request"}' },
  { method: 'DELETE', url: '/rooms/lobby/members' },
  { method: 'PATCH', url: '/echo?n=1', headers: '{"x-echo": "hi"}', data: '{"list": [1, 2]}' },
  { method: 'GET', url: '/status/403' },
];

export class RequestsPane extends Pane {
  #latest = {};

  /** `over` is the pane whose socket carries the requests. */
  constructor(over) {
    super('requests-pane', 'requests', 'Requests');
    this.over = over;
    this.press('request', () => this.askSocket());
    this.press('fetch', () => this.ask('http', byHttp));
    this.out('examples').append(...EXAMPLES.map((example) => this.example(example)));
    this.root.addEventListener('input', () => this.edited());
    over.root.addEventListener('change', () => this.follow());
    this.fill(EXAMPLES[0]);
    this.follow();
  }

  /** The socket of the other pane is there, or is not. */
  follow() {
    const name = this.over.root.getAttribute('aria-label');
    const there = this.over.id !== undefined;
    this.out('status').textContent = there ? `over ${name}` : `${name} is not connected`;
    this.out('status').classList.toggle('open', there);
    this.button('request').disabled = !there;
  }

  /** A button that fills the fields. */
  example(request) {
    const button = element('button', '', `${request.method} ${request.url}`);
    button.type = 'button';
    button.addEventListener('click', () => this.fill(request));
    return element('li', '', button);
  }

  fill(request) {
    for (const name of FIELDS) this.field(name).value = request[name] ?? '';
    this.edited();
  }

  texts() {
    return Object.fromEntries(FIELDS.map((name) => [name, this.field(name).value.trim()]));
  }

  edited() {
    this.out('line').textContent = line(this.texts());
    this.blame();
  }

  /** Says what is wrong with a field; without arguments, that nothing is. */
  blame(field, message = '') {
    this.out('advice').textContent = message;
    this.out('advice').hidden = message === '';
    for (const name of FIELDS) this.field(name).setAttribute('aria-invalid', String(name === field));
  }

  /** Sends what is typed and shows the answer in its place, with the time that it took. Only the latest one is shown. */
  async ask(place, way) {
    try {
      this.blame();
      const request = read(this.texts());
      this.#latest[place] = request;
      const start = performance.now();
      const answering = way(request);
      this.show(place, request, 'waiting');
      const answer = await answering;
      const ms = performance.now() - start;
      if (this.#latest[place] === request) this.show(place, request, ...(answer ? [`${ms.toFixed(1)} ms`, answer] : [noAnswer(ms)]));
    } catch (error) {
      if (!(error instanceof Mistake)) throw error;
      this.blame(error.field, error.message);
    }
  }

  /** A request may move the socket that it comes from to other rooms. */
  async askSocket() {
    await this.ask('socket', (request) => this.overSocket(request));
    this.over.changed();
  }

  async overSocket({ method, url, headers, data = {} }) {
    const event = method.toLowerCase();
    const [answer] = await this.over.io.ask(event, [{ method: event, headers, data, url }], ANSWER_MS) ?? [];
    return answer;
  }

  show(place, { method, url }, outcome, answer) {
    const asked = element('p', 'asked', element('b', '', `${method} ${url}`), element('span', '', outcome));
    this.out(place).replaceChildren(asked, ...(answer ? [parts(answer)] : []));
  }
}

/** What sails.io.js calls a JWR: its parts by their names. */
function parts({ statusCode, headers, body }) {
  const good = statusCode >= 200 && statusCode < 400;
  return element('dl', good ? 'good' : 'bad', ...Object.entries({ statusCode, headers, body }).flatMap(([name, value]) => [
    element('dt', '', name),
    element('dd', name, shown(value)),
  ]));
}

/** As JSON; an object with a line for each of its names. */
function shown(value) {
  if (!isObject(value) || Array.isArray(value)) return JSON.stringify(value) ?? '';
  const lines = Object.entries(value).map(([name, part]) => `${JSON.stringify(name)}: ${JSON.stringify(part)}`);
  return lines.length ? `{ ${lines.join(',\n  ')} }` : '{}';
}

function byHttp(request) {
  if (request.method === 'GET' && request.data) throw new Mistake('data', 'By plain HTTP a browser sends no data with GET: empty “Data”, or put it into the URL');
  return send(request, ANSWER_MS);
}

const noAnswer = (ms) => (Math.ceil(ms) < ANSWER_MS ? 'no answer: the connection was lost' : `no answer within ${ANSWER_MS / 1000} s`);
