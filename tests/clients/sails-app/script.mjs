// What both servers are asked: the odd requests by hand, and as many ordinary ones as wanted by a generator that a seed repeats.
//
// A step is `{who, emit: [event, ...args], ack}` for one of the clients, or `{http: [method, path, body]}`. Ids differ from server to
// server: `ID(2)` stands for that of client 2 wherever it occurs.

/** Stands for the id of a client. */
export const ID = (client) => `<id ${client}>`;

/** How many clients a script has. */
export const CLIENTS = 4;

const get = (url, rest = {}) => ({ emit: ['get', { method: 'get', headers: {}, data: {}, url, ...rest }] });
const post = (url, data, rest = {}) => ({ emit: ['post', { method: 'post', headers: {}, data, url, ...rest }] });
const put = (url, data = {}) => ({ emit: ['put', { method: 'put', headers: {}, data, url }] });
const remove = (url, data = {}) => ({ emit: ['delete', { method: 'delete', headers: {}, data, url }] });

/** A step at which the two differ, and why they may. They do have to: a reason that has gone is removed. */
const differs = (why, step) => ({ ...step, differs: why });

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/** Sails takes an object for data, and makes one of what is none: keys of an array by GET and DELETE, characters, or nothing. Ours leaves data as it came. */
const OTHER_DATA = 'data that is no object stays what it is';
const FRAGMENT = 'what follows a # is no part of a query';
const SLASH = 'a path that ends with a slash is another one';

const echoOf = (method, data) => ({ emit: [method, { method, data, url: '/echo?a=1' }] });

/** Odd requests, each of which says something of its own. Left out are the few that a real Sails does not survive: an event without an
 * argument or with `null`, the url `http://[bad`, and `?__proto__=1`, after which every request to it is 500. */
export const ODD = [
  // Methods and data.
  ...[...METHODS, 'head'].map((method) => ({ emit: [method, { method, headers: { 'X-Echo': 'hi', Accept: 'x' }, data: { b: 2, n: { x: [1, null] } }, url: '/echo?a=1&c=3&c=4' }] })),
  differs('headers that a router adds are not for a socket', { emit: ['options', { url: '/echo' }] }),
  ...METHODS.flatMap((method) => [null, undefined, {}, { a: 1 }].map((data) => echoOf(method, data))),
  ...['post', 'put', 'patch'].flatMap((method) => [[1, 2], []].map((data) => echoOf(method, data))),
  ...['get', 'delete'].flatMap((method) => [[1, 2], []].map((data) => differs(OTHER_DATA, echoOf(method, data)))),
  ...METHODS.flatMap((method) => ['str', '', 5, 0, true, false].map((data) => differs(OTHER_DATA, echoOf(method, data)))),
  post('/echo', { d: 2 }, { params: { p: 1 } }),
  post('/echo', { both: 'data' }, { params: { both: 'params' } }),
  post('/echo', undefined, { params: { p: 1 } }),
  differs(OTHER_DATA, post('/echo', undefined, { params: [1] })),
  post('/echo', {}, { method: 'get' }),
  { emit: ['post', { url: '/echo' }] },
  // Answers of every shape.
  ...['/text', '/boom', '/status/200', '/status/204', '/status/302', '/status/403', '/status/500', '/status/599', '/me', '/me/rooms'].map((url) => get(url)),
  // Paths.
  ...['/nope', '/', 'text', 'echo?a=1', '//echo', '//x/echo', '/echo//', '/text?', '/text#', '/echo?', '/echo??a=1', '/echo;a=1', '/./echo', '/x/../echo', '/%65cho', '/echo%20', '/echo%3Fa=1', 'http://x/echo?a=1', 'http://x',
    'https://user:pass@host:99/text', '?a=1', '#', ' /echo', '/echo ', '  /echo  ', '/echo\n', '/echo?a=b c', '/echo\\x', '/écho', '/rooms', '/rooms/', '/rooms//', '/rooms//members', '/rooms/a/b', '/status/', '/status/200/x'].map((url) => get(url)),
  ...['/echo/', '/text/', '/rooms/a/', '/me/', '/me/rooms/'].map((url) => differs(SLASH, get(url))),
  ...['/TEXT', '/Echo'].map((url) => differs('paths have case', get(url))),
  ...['/echo#frag?x=1', '/echo?x=1#frag'].map((url) => differs(FRAGMENT, get(url))),
  differs('of whole urls those of HTTP are taken', get('ws://x/text')),
  differs('a backslash is no slash', get('\\echo')),
  differs('white space at the end of a url is no part of it', get('/echo?a=1 ')),
  put('/text'), put('/rooms/a'), remove('/me'), post('/text', {}), post('/rooms/a', {}), put('/messages'), get('/messages'), get('/blast'),
  // Rooms in paths.
  ...['sl%2Fash', 'a%20b', 'a+b', 'a b', '%E6%97%A5', '日', '%00', '%25', '%2e', '%2E%2E', '.', '..', '__proto__', 'constructor', ':room', '*', '(a)', 'a,b', "it's", '%F0%9F%8E%B2', 'a%3Fb', 'a%23b', '%5B', 'a=b&c']
    .map((room) => get(`/rooms/${room}`)),
  ...['%', '%zz', 'a%2', '%ff', '%C3', '%ED%A0%80', '%c0%af', '%E6%97'].flatMap((room) => [get(`/rooms/${room}`), put(`/rooms/${room}/members`), post(`/rooms/${room}/messages`, {})]),
  // Queries.
  ...['a', 'a=', '=1', '=', '&', '&&a=1&&', 'a=1&a=2&a=3', 'a[b]=1&a[c]=2', 'a[]=1&a[]=2', 'a.b=1', 'a+b=c+d', 'a%20b=c%20d', 'a=%zz', '%zz=1', 'a=%ff', 'a=%C3%BC', 'a=ü', 'a=1;b=2', 'a=1=2', 'a=%00', 'a=%26&b=%3D',
    'constructor=1', 'hasOwnProperty=1', 'a=b?c=d', 'a=/x/y', '%61=1', 'A=1&a=2', '1=x&0=y', 'toString='].map((query) => get(`/echo?${query}`)),
  // Headers.
  ...[{ 'x-echo': 'lower' }, { 'X-ECHO': 'upper' }, { 'x-echo': '' }, { 'x-echo': 'ü' }, { 'x-echo': ' spaces ' }, { 'x-echo': 5 }, { 'x-echo': true }, { cookie: 'a=b', origin: 'http://evil', n: 5 }, { host: 'x' },
    { 'content-type': 'text/plain' }, { 'content-length': '3' }, { '': 'x' }, { 'bad name': 'x' }, 'x', 5, null, true, ['x'], []].map((headers) => get('/echo', { headers })),
  ...[null, ['a', 'b']].map((value) => differs('a header is a text or a number', get('/echo', { headers: { 'x-echo': value } }))),
  // Values that arrive as they are.
  ...['', 'ü🎲', '\u2028\u0000', { '': { '': null } }, { a: [[[]], {}] }, { n: [0, -0.5, 1e21, 1e-7, 9007199254740991] }, { _placeholder: true, num: 0 }, { length: 2, 0: 'a' }].map((value) => post('/echo', { value })),
  differs('Sails loses keys that objects of JavaScript have anyway', post('/echo', { value: { toString: 1, constructor: 2, hasOwnProperty: 3 } })),
  ...[null, true, 0, '', 'ü', [], [1, [2]], {}, { a: null }, undefined].map((data) => post(`/rooms/${ID(0)}/messages`, { event: 'news', data })),
  // No requests.
  ...[{}, { url: '' }, { url: 5 }, { url: 0 }, { url: null }, { url: true }, { url: {} }, { url: ['/text'] }, { URL: '/text' }, 'str', '/text', 5, 0, true, false, [], ['/text'], [{ url: '/text' }]]
    .flatMap((request) => [{ emit: ['get', request] }, { emit: ['post', request], ack: false }]),
  ...[['GET', { url: '/text' }], ['Post', { url: '/echo' }], ['trace', { url: '/text' }], ['request', { url: '/text' }], ['', { url: '/text' }]].map((emit) => ({ emit, silent: true })),
  ...[['no function'], [{ url: '/text' }], [1, 2]].map((more) => ({ emit: ['get', { url: '/text' }, ...more], ack: false })),
  ...['/text', '/nope', '/boom'].map((url) => ({ emit: ['get', { url }], ack: false })),
  // The verbs' own oddities.
  put('/rooms/odd/members'), put('/rooms/odd/members'), put('/rooms/odd/members', { ids: [ID(1), ID(1), 'nobody', ID(0)] }), get('/rooms/odd'),
  put('/rooms/two/members', { ids: [ID(1)] }),
  post('/messages', { rooms: ['odd', 'two'], data: 'per room' }), post('/messages', { rooms: ['odd', 'two'], data: 'once', once: true }),
  post('/messages', { rooms: ['odd', 'two'], data: 'omit', omit: true }), post('/messages', { rooms: ['odd', 'two'], data: 'omit once', omit: true, once: true }),
  post('/messages', { rooms: ['odd', 'odd'], data: 'the same room twice' }), post('/messages', { rooms: ['odd', 'odd'], data: 'the same room twice', once: true }),
  post('/messages', { rooms: [ID(0), ID(1), 'odd'], data: 'ids are rooms' }), post(`/rooms/${ID(2)}/messages`, { data: 'direct' }), post(`/rooms/${ID(2)}/messages`, { data: 'direct', omit: true }),
  put(`/rooms/${ID(1)}/members`), put(`/rooms/${ID(0)}/members`), remove(`/rooms/${ID(0)}/members`), remove(`/rooms/${ID(1)}/members`), remove(`/rooms/${ID(1)}/members`, { ids: [ID(1)] }),
  post('/rooms/odd/copy', { to: ['odd', 'three'] }), post(`/rooms/${ID(3)}/copy`, { to: ['three', 'odd'] }), post('/rooms/nobody/copy', { to: ['three'] }), get('/rooms/three'),
  post('/rooms/three/remove', { from: ['three', 'odd'] }), post(`/rooms/${ID(1)}/remove`, { from: ['two', 'nobody'] }), post('/rooms/nobody/remove', { from: ['odd'] }), get('/rooms/odd'), get('/me/rooms'),
  post(`/rooms/${ID(0)}/clear`, {}), post('/rooms/nobody/clear', {}), post('/blast', { event: 'news', data: { a: 1 } }), post('/blast', { data: null, omit: true }), post('/blast', {}),
  ...[undefined, '', null, 5, [], 'connect', 'disconnect', 'newListener', 'get'].map((event) => post(`/rooms/${ID(0)}/messages`, { event, data: 1 })),
  // The same by plain HTTP.
  differs('without a body there is an empty object, by any method', { http: ['GET', '/echo?a=1&a=2&b=%C3%BC'] }),
  ...['POST', 'PUT', 'PATCH', 'DELETE'].flatMap((method) => [[method, '/echo?a=1&a=2&b=%C3%BC'], ...[{}, { a: [1, null] }, [1]].map((body) => [method, '/echo', body])]).map((http) => ({ http })),
  ...[['GET', '/text'], ['HEAD', '/text'], ['GET', '/boom'], ['GET', '/status/201'], ['GET', '/status/404'], ['GET', '/nope'], ['POST', '/nope', { a: 1 }], ['PUT', '/text', {}], ['DELETE', '/text'], ['GET', '/me'], ['GET', '/me/rooms'],
    ['PUT', '/rooms/a/members', {}], ['DELETE', '/rooms/a/members'], ['POST', '/rooms/a/messages', { data: 1 }], ['POST', '/messages', { rooms: ['a'] }], ['POST', '/blast', {}], ['POST', '/rooms/a/copy', { to: ['b'] }],
    ['POST', '/rooms/a/remove', { from: ['b'] }], ['POST', '/rooms/a/clear', {}], ['GET', '/rooms/sl%2Fash'], ['GET', '/rooms/%zz'], ['GET', '/rooms/%E6%97%A5'], ['GET', '/rooms/__proto__'], ['GET', '/__getcookie']].map((http) => ({ http })),
];

/** So many ordinary steps, by the choices of a generator. */
export function generated(count, pick) {
  const one = (list) => list[pick(list.length)];
  const some = (make, most = 3) => Array.from({ length: 1 + pick(most) }, make);
  const client = () => ID(pick(CLIENTS));
  const room = () => one(['a', 'a', 'b', 'b', 'c', 'ü/🎲', '__proto__', ' ']);
  const roomOrId = () => (pick(4) === 0 ? client() : room());
  const path = (name, rest = '') => `/rooms/${name.startsWith('<id') ? name : encodeURIComponent(name)}${rest}`;
  const flag = () => one([undefined, undefined, false, true]);

  const value = (depth = 0) => one([
    () => null, () => pick(1000) - 500, () => pick(1000) / 8, () => pick(2) === 0, () => one(['', 'x', 'ü🎲', '"\\', '\u2028', '<id', '%']),
    ...(depth < 3 ? [() => some(() => value(depth + 1)), () => object(depth + 1)] : []),
  ])();
  const object = (depth = 0) => Object.fromEntries(some(() => [one(['a', 'b', 'c', 'ü', 'long name', '0', 'url', 'method']), value(depth)]));
  const query = () => some(() => `${one(['a', 'b', 'ü', 'x%20y', '%C3%BC', 'n[0]'])}${one(['', '=', '=1', '=%26', '=a+b', '=ü', '=%zz'])}`).join('&');
  const message = () => ({ data: value(), ...(pick(2) === 0 ? { event: 'news' } : {}), ...(pick(2) === 0 ? { omit: flag() } : {}) });
  const ids = () => (pick(2) === 0 ? {} : { ids: some(() => (pick(6) === 0 ? 'nobody' : client())) });

  const kinds = [
    () => [one(METHODS), `/echo?${query()}`, object(), pick(3) === 0 ? { [one(['x-echo', 'X-Echo'])]: one(['1', 'two words', 'ü']) } : {}],
    () => ['get', one(['/text', '/boom', '/me', '/me/rooms', '/nope', `/status/${200 + pick(400)}`, path(roomOrId())]), {}],
    () => [one(METHODS), one(['/text', '/nope', '/me', '/messages', '/rooms/a/copy', '/rooms/a', '/rooms/a/members/b']), one([{}, object()])],
    () => ['put', path(room(), '/members'), ids()],
    () => ['put', path(room(), '/members'), {}],
    () => ['delete', path(room(), '/members'), ids()],
    () => ['post', path(roomOrId(), '/messages'), message()],
    () => ['post', '/messages', { rooms: [...new Set(some(roomOrId))], ...message(), ...(pick(2) === 0 ? { once: flag() } : {}) }],
    () => ['post', '/blast', message()],
    () => ['post', path(roomOrId(), '/copy'), { to: some(room) }],
    () => ['post', path(roomOrId(), '/remove'), { from: some(room) }],
    () => (pick(3) === 0 ? ['post', path(roomOrId(), '/clear'), {}] : ['get', path(room()), {}]),
    () => ['post', one(['/messages', '/rooms/a/copy', '/rooms/a/remove']), one([{}, { rooms: [] }, { to: 'a', rooms: 'a', from: 'a' }, { rooms: [''], to: [''], from: [1] }])],
  ];
  return Array.from({ length: count }, () => {
    const [method, url, data, headers = {}] = one(kinds)();
    return { who: pick(CLIENTS), emit: [method, { method, headers, data, url }], ack: pick(8) !== 0 };
  });
}
