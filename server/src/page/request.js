// A request as somebody types it, and the line of code that makes it with sails.io.js.

const CALLBACK = '(body, jwr) => console.log(jwr.statusCode, body)';

/** Why a request cannot be sent, as a sentence, and which field is to blame. */
export class Mistake extends Error {
  constructor(field, message) {
    super(message);
    this.field = field;
  }
}

/** The request that these texts are; without data it has none. Throws a `Mistake`. */
export function read({ method, url, headers, data }) {
  if (!/^\/(?![/\\])/.test(url)) throw new Mistake('url', '“URL” takes a path on this server, such as /me');
  return { method, url, headers: readHeaders(headers), data: readData(data) };
}

/** The line for these texts; an ellipsis stands for what is not finished yet. */
export function line({ method, url, headers, data }) {
  const name = method.toLowerCase();
  if (!headers) return `io.socket.${name}(${[quoted(url), literal(data), CALLBACK].filter(Boolean).join(', ')})`;
  const options = [`method: '${name}'`, `url: ${quoted(url)}`, `headers: ${literal(headers)}`, data && `data: ${literal(data)}`];
  return `io.socket.request({ ${options.filter(Boolean).join(', ')} }, ${CALLBACK})`;
}

function readHeaders(text) {
  const headers = parsed(text || '{}');
  if (!areHeaders(headers)) throw new Mistake('headers', '“Headers” takes a JSON object of names and texts, such as {"x-echo": "hi"}');
  return headers;
}

function areHeaders(value) {
  if (!isObject(value) || Array.isArray(value) || Object.values(value).some((text) => typeof text !== 'string')) return false;
  try {
    return Boolean(new Headers(value));
  } catch {
    return false; // names or texts that no header can have
  }
}

/** sails.io.js sends objects and arrays only, though a server would take more. */
function readData(text) {
  const data = text ? parsed(text) : undefined;
  if (text && !isObject(data)) throw new Mistake('data', '“Data” takes a JSON object, such as {"data": "hello"}, or nothing');
  return data;
}

export const isObject = (value) => value !== null && typeof value === 'object';

const quoted = (text) => (/['\\]/.test(text) ? JSON.stringify(text) : `'${text}'`);

/** JSON is JavaScript as well. */
const literal = (text) => (text && !isObject(parsed(text)) ? '…' : text);

/** The value of a JSON text; nothing if it is none. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
