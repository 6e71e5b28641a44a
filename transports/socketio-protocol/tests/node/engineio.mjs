// The parsers of Engine.IO, asked by `tests/engineio`: a line of JSON in, a line of JSON out.
//
// {do: 'write', revision, base64, packets}: the payload that the parser makes of them, and each as a frame.
// {do: 'read', revision, body}: the packets that the parser finds in a payload, or null for an error.
// {do: 'read frame', revision, body}: the same for one frame.
// {do: 'run', script}: what a JSONP answer hands to the page's function.
// {do: 'submit', text}: the form in which a JSONP client submits a payload.
//
// A body is {text} or {binary: hex}. A packet is {type: '4', text} or {type: '4', binary: hex}.

import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';
import { runInNewContext } from 'node:vm';

const require = createRequire(import.meta.url);
const parsers = { 3: require('engine.io-parser-2'), 4: require('engine.io-parser') };
const TYPES = ['open', 'close', 'ping', 'pong', 'message', 'upgrade', 'noop'];

const answers = { write, read, 'read frame': readFrame, run, submit };
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const question = JSON.parse(line);
  console.log(JSON.stringify(answers[question.do](question)));
}

function write({ revision, base64, packets }) {
  const parser = parsers[revision];
  const theirs = packets.map(({ type, text, binary }) => ({ type: TYPES[type], data: text ?? Buffer.from(binary, 'hex') }));
  let payload;
  if (revision === 3) parser.encodePayload(theirs, !base64, (made) => { payload = made; });
  else parser.encodePayload(theirs, (made) => { payload = made; });
  const frames = theirs.map((packet) => {
    let frame;
    if (revision === 3) parser.encodePacket(packet, !base64, false, (made) => { frame = made; });
    else parser.encodePacket(packet, !base64, (made) => { frame = made; });
    return body(frame);
  });
  return { payload: body(payload), frames };
}

function read({ revision, body: { text, binary } }) {
  const found = [];
  const input = text ?? Buffer.from(binary, 'hex');
  if (revision === 3) parsers[3].decodePayload(input, (packet) => { found.push(packet); });
  else found.push(...parsers[4].decodePayload(input));
  return plain(found);
}

function readFrame({ revision, body: { text, binary } }) {
  return plain([parsers[revision].decodePacket(text ?? Buffer.from(binary, 'hex'))]);
}

function run({ script }) {
  const handed = [];
  const page = [];
  page[12] = (text) => handed.push(text);
  runInNewContext(script, { ___eio: page });
  if (handed.length !== 1) throw new Error(`called ${handed.length} times: ${script}`);
  return { text: handed[0] };
}

// engine.io-client 3, transports/polling-jsonp.js: the value of a text area, submitted by a browser.
function submit({ text }) {
  const value = text.replace(/\\n/g, '\\\n').replace(/\n/g, '\\n');
  return { text: new URLSearchParams({ d: value }).toString() };
}

function body(made) {
  return typeof made === 'string' ? { text: made } : { binary: made.toString('hex') };
}

function plain(packets) {
  if (packets.some(({ type }) => !TYPES.includes(type))) return null;
  return packets.map(({ type, data }) => ({ type: `${TYPES.indexOf(type)}`, ...body(data ?? '') }));
}
