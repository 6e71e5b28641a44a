// What the server says over plain HTTP.

/** The JSON under a path; nothing if there is none. */
export async function json(...path) {
  try {
    const response = await fetch(`/${path.map(encodeURIComponent).join('/')}`, { cache: 'no-store' });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}

/** How many members a room has. */
export async function count(room) {
  return (await json('rooms', room))?.members;
}

/** The answer to any request, in the form that sails.io.js gives to those over sockets; nothing if there is none within these ms. */
export async function send({ method, url, headers, data }, milliseconds) {
  const all = new Headers(headers);
  if (data && !all.has('content-type')) all.set('content-type', 'application/json');
  try {
    const signal = AbortSignal.timeout(milliseconds);
    const response = await fetch(url, { method, headers: all, body: data && JSON.stringify(data), cache: 'no-store', signal });
    const text = await response.text();
    const isJson = text && response.headers.get('content-type') === 'application/json';
    return { statusCode: response.status, headers: Object.fromEntries(response.headers), body: isJson ? JSON.parse(text) : text };
  } catch {
    return undefined;
  }
}
