// The same requests to a real Sails and to ours: every answer and everything that anybody hears has to be the same, but for what
// `script.mjs` and `comparable` name with a reason.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { SailsServer, choices, numbers, seed, within, DEADLINE } from '../node/sails/support.mjs';
import { ask } from '../node/socketio/engineio.mjs';
import { RealSails } from './real.mjs';
import { CLIENTS, ID, ODD, generated } from './script.mjs';

/** Clients of several kinds, since none of this may depend on them. */
const KINDS = [{ client: '4.8', transport: 'websocket' }, { sdk: true, client: '2.0', transport: 'websocket' }, { client: '4.8', transport: 'polling' }, { sdk: true, client: '2.5', transport: 'upgrade' }];

const EVENTS = ['get', 'sails:parseError'];

const servers = [];
let sides;
before(async () => {
  for (const kind of [SailsServer, RealSails]) servers.unshift(await kind.start());
  sides = await Promise.all(servers.map((server) => Side.connect(server)));
});
after(() => Promise.all(servers.map((server) => server.stop())));

/** One of the two servers with its clients. */
class Side {
  static async connect(server) {
    const side = new this();
    side.server = server;
    side.clients = await Promise.all(KINDS.map((kind) => server.call(kind)));
    side.others = side.clients.map(() => []);
    for (const [index, { socket }] of side.clients.entries()) {
      for (const event of EVENTS) socket.on(event, (...args) => side.others[index].push([event, ...args]));
    }
    return side;
  }

  /** What comes of a step: the answer and what each client hears, with ids by name. */
  async play(step) {
    const { who = 0, emit, http } = step;
    const answer = http ? await this.#request(...this.#withIds(http)) : await this.#emit(this.clients[who], this.#withIds(emit), step);
    if (mayBeHeard(step)) await Promise.all(this.clients.map((client) => client.settle()));
    const heard = this.clients.map((client, index) => [...client.heard(), ...this.others[index].splice(0)]);
    return this.#withNames({ answer, heard });
  }

  async #emit(client, args, { ack = true, silent = false }) {
    if (!ack) {
      client.socket.emit(...args);
      await client.settle(); // or others might be asked before it has taken effect
      return 'not asked for';
    }
    const answered = new Promise((resolve) => { client.socket.emit(...args, (...answer) => resolve(answer)); });
    // What is asked later is answered later: two more answers, and this one never comes.
    if (silent) return Promise.race([answered, client.settle().then(() => client.settle()).then(() => 'none')]);
    return within(DEADLINE, answered, () => `no answer to ${JSON.stringify(args)}`);
  }

  async #request(method, path, body) {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    const answer = await ask(this.server, path, { method, body: text, headers });
    const isJson = answer.headers['content-type']?.startsWith('application/json');
    return [{ statusCode: answer.status, body: isJson ? JSON.parse(answer.body) : answer.body }];
  }

  #withIds(value) { return swapped(value, (text) => text.replaceAll(/<id (\d)>/g, (found, index) => this.clients[index].id)); }

  #withNames(value) {
    return swapped(value, (text) => this.clients.reduce((named, { id }, index) => named.replaceAll(id, ID(index)), text));
  }
}

/** Whether a step may be more than a question and an answer. What is heard unexpectedly shows at a later step. */
const mayBeHeard = ({ emit, ack = true }) => emit !== undefined && (!ack || /messages|blast/.test(emit[1]?.url));

/** A value with each string in it exchanged. */
function swapped(value, swap) {
  if (typeof value === 'string') return swap(value);
  if (Array.isArray(value)) return value.map((each) => swapped(each, swap));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [swap(key), swapped(each, swap)]));
}

/** What is compared of an outcome. */
function comparable({ answer, heard }) {
  const comparableEvent = ([event, ...args]) => [event, ...(event === 'sails:parseError' ? args.map(comparableAnswer) : args)];
  return { answer: Array.isArray(answer) ? answer.map(comparableAnswer) : answer, heard: heard.map((events) => events.map(comparableEvent)) };
}

function comparableAnswer(answer) {
  const { statusCode, body, code } = answer;
  if (code !== undefined) return unreadable(answer);
  // The words of a refusal and the stack of a failure are a server's own; that nothing was found is said in the same ones.
  if (statusCode >= 400 && statusCode !== 404 && body?.code === undefined) return { ...answer, body: '...' };
  // Rooms have no order.
  if (Array.isArray(body?.rooms)) return { ...answer, body: { ...body, rooms: body.rooms.toSorted() } };
  return answer;
}

/** Of the answer to what is no request, the stack, the class and the details are Sails' own; a status under its usual name is ours. */
function unreadable({ code, status, message }) { return { code, status, message }; }

/** Plays a script on both sides; returns the steps at which they are not as they should be. */
async function faults(script) {
  const [real, ours] = await Promise.all(sides.map(async (side) => {
    const outcomes = [];
    for (const step of script) {
      outcomes.push(comparable(await side.play(step).catch((cause) => { throw new Error(`step ${JSON.stringify(step)}`, { cause }); })));
    }
    return outcomes;
  }));
  return script.flatMap((step, index) => (isDeepStrictEqual(real[index], ours[index]) === (step.differs === undefined) ? [] : [{ index, step, real: real[index], ours: ours[index] }]));
}

/** There are none, or the first ones are shown. */
function areNone(found) {
  const shown = found.slice(0, Number(process.env.SHOWN ?? 5)).map((fault) => Object.entries(fault).map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join('\n'));
  assert.equal(found.length, 0, `${found.length} steps are not as they should be:\n${shown.join('\n\n')}`);
}

test('odd requests, each by itself', async () => {
  areNone(await faults(ODD));
});

test('what anybody would ask, at random', async (t) => {
  const start = seed();
  t.diagnostic(`ROOMCAST_SEED=${start}`);
  const pick = choices(start);
  const script = generated(500, pick);
  // The end shows what the steps have left behind.
  script.push(...numbers(CLIENTS).map((who) => ({ who, emit: ['get', { url: '/me/rooms' }] })));
  areNone(await faults(script));
});
