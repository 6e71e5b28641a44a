// The parsers of Socket.IO, asked by `tests/socketio`: a line of JSON in, a line of JSON out.
//
// {do: 'decode', parser, messages, ours}: feeds the messages to the parser. The answer says whether it `accepts` them all, and
// if `ours` (the packets that our parser made of them, or null) is what it made of them, too. Values are compared here, as
// JavaScript sees them.
// {do: 'encode', parser, packet}: the answer has the messages that the parser makes of it.
//
// A message is {text} or {binary: hex}. A packet is {type, nsp, id, name, json, attachments}: `json` is a value's text, for
// events the inside of the array behind its name, for answers the inside of the array.

import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';
import { isDeepStrictEqual } from 'node:util';

const require = createRequire(import.meta.url);
const parsers = {
  v5: require('socket.io-parser'),
  v4: require('socket.io-parser-3'),
  msgpack: require('socket.io-msgpack-parser'),
};
const [EVENT, ACK, ERROR, BINARY_EVENT, BINARY_ACK] = [2, 3, 4, 5, 6];

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  console.log(JSON.stringify(question.do === 'decode' ? decode(question) : encode(question)));
}

function decode({ parser, messages, ours }) {
  const packets = [];
  const decoder = new parsers[parser].Decoder();
  decoder.on('decoded', (packet) => packets.push(packet));
  try {
    for (const { text, binary } of messages) decoder.add(text ?? Buffer.from(binary, 'hex'));
    // What socket.io-parser 3 cannot read becomes a packet that says so.
    const wrong = packets.find(({ type, data }) => type === ERROR && `${data}`.startsWith('parser error: '));
    if (wrong) throw new Error(wrong.data);
  } catch (error) {
    return { accepts: false, why: error.message };
  }
  const theirs = packets.map((packet) => plain(parser, packet));
  const waiting = Boolean(decoder.reconstructor);
  const same = ours !== null && waiting === ours.waiting
    && isDeepStrictEqual(theirs, ours.packets.map((packet, at) => value(parser, packet, theirs[at])));
  const noData = [...packets, decoder.reconstructor?.reconPack].some((packet) => packet?.type >= EVENT && packet.data === undefined);
  return { accepts: true, waiting, same, noData, why: same ? undefined : describe(theirs) };
}

// Their packet, so that equal ones compare as equal.
function plain(parser, { type, nsp, id, data }) {
  if (type === BINARY_EVENT) type = EVENT;
  if (type === BINARY_ACK) type = ACK;
  // Only at CONNECT does the query of an old client's namespace say something.
  if (parser === 'v4' && type !== 0) [nsp] = nsp.split('?');
  if (parser === 'msgpack') data = asJson(data);
  return { type, nsp, id: type === EVENT || type === ACK ? id : undefined, data };
}

// Our packet in the same form. Names that are numbers are their text with us; `theirs` tells.
function value(parser, { type, nsp, id, name, json, attachments }, theirs) {
  const buffers = attachments.map((attachment) => Buffer.from(attachment, 'hex'));
  let data;
  if (type === EVENT || type === ACK) {
    data = JSON.parse(`[${json}]`);
    if (buffers.length > 0) data = fill(data, buffers);
    if (type === EVENT) data.unshift(typeof theirs?.data?.[0] === 'number' ? Number(name) : name);
  } else if (json !== null) {
    data = JSON.parse(json);
  }
  if (parser === 'msgpack') data = asJson(data);
  return { type, nsp, id: id ?? undefined, data };
}

function fill(value, buffers) {
  if (typeof value !== 'object' || value === null) return value;
  if (value._placeholder === true) return buffers[value.num];
  for (const key of Object.keys(value)) {
    // Assigned as a property of its own, whatever its name.
    Object.defineProperty(value, key, { value: fill(value[key], buffers), enumerable: true, configurable: true, writable: true });
  }
  return value;
}

// What is left of a value behind JSON, with binary kept.
function asJson(value, inObject = false) {
  if (value === undefined) return inObject ? undefined : null;
  if (value instanceof Date) return value.toJSON();
  if (value instanceof ArrayBuffer) return Buffer.from(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : null; // no -0
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value;
  if (Array.isArray(value)) return value.map((element) => asJson(element));
  const members = Object.entries(value).map(([key, member]) => [key, asJson(member, true)]);
  return Object.fromEntries(members.filter(([, member]) => member !== undefined));
}

function describe(packets) {
  return JSON.stringify(packets, (_, value) => (typeof value === 'number' && !Number.isFinite(value) ? `${value}` : value));
}

function encode({ parser, packet: { type, nsp, id, name, json, attachments } }) {
  const packet = { type, nsp };
  if (id !== null) packet.id = id;
  const { data } = value('', { type, nsp, id, name, json, attachments });
  if (data !== undefined) packet.data = data;
  const { Encoder } = parsers[parser];
  let messages;
  if (parser === 'v4') {
    if (attachments.length > 0) packet.type += 3;
    new Encoder().encode(packet, (encoded) => { messages = encoded; });
  } else {
    messages = new Encoder().encode(packet);
  }
  return messages.map((message) => (typeof message === 'string' ? { text: message } : { binary: Buffer.from(message).toString('hex') }));
}
