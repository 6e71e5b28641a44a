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
