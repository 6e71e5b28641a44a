// The part of the JSON room protocol that the load generator speaks, shared by both peers, so that
// they do the same JSON work as roomcast: parse each request whole, build each delivery once.
//
// `rooms` is what differs between them: join(socket, room), leave(socket, room), publish(room, text).
// Left out, in the peers' favour: own-id rooms, omit, once, bulk verbs, UTF-8 limits on names.

export const BACKLOG_MAX = 1 << 20; // bytes queued for one member before it is dropped, as in roomcast

export function hello(id) {
  return JSON.stringify({ event: "hello", data: { id } });
}

export function handle(text, socket, rooms) {
  let request;
  try {
    request = JSON.parse(text);
  } catch {
    return refusal(null, "not JSON");
  }
  if (request === null || typeof request !== "object" || Array.isArray(request)) {
    return refusal(null, "not an object");
  }
  const reply = request.id ?? null;
  switch (request.op) {
    case "broadcast":
      return broadcast(request, reply, rooms);
    case "join":
    case "leave":
      if (!isName(request.room)) return refusal(reply, "room must be a non-empty string");
      rooms[request.op](socket, request.room);
      return JSON.stringify({ reply, ok: true });
    case "getId":
      return JSON.stringify({ reply, ok: true, socket: socket.data.id });
    default:
      return refusal(reply, "unknown op");
  }
}

function broadcast(request, reply, rooms) {
  const names = request.rooms ?? [request.room];
  if (!Array.isArray(names) || names.length === 0 || !names.every(isName)) {
    return refusal(reply, "rooms must be a non-empty list of names");
  }
  const event = request.event ?? "message";
  if (typeof event !== "string" || event === "") return refusal(reply, "event must be a string");
  const text = JSON.stringify({ event, data: request.data ?? null });
  for (const room of names) rooms.publish(room, text);
  return JSON.stringify({ reply, ok: true });
}

function refusal(reply, error) {
  return JSON.stringify({ reply, ok: false, error });
}

function isName(value) {
  return typeof value === "string" && value !== "";
}

export function newId() {
  return crypto.randomUUID();
}
