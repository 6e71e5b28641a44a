// A small Socket.IO client: protocol 5 on Engine.IO 4, over WebSocket, in the namespace `/`, for JSON.
//
// Each text frame is a packet of Engine.IO, its type the first digit: `0` opens and tells the heartbeat, `2` is a ping that wants
// a `3`, `4` holds a packet of Socket.IO. That has a type too, then the number of an ack if there is one, then JSON. So `42["hi",1]`
// is an event with one argument, `427["hi",1]` the same and wants an ack, and `437["yes"]` is that ack.

/** Event names that are the protocol's own: who sends one is thrown out. */
export const RESERVED = ['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'];

export class SocketIo {
  #waiting = new Map();
  #number = 0;

  /**
   * Connects. `told` has a function for each thing that happens: `connected(id)`, `heard(event, args)`, `packet(direction, text)`, and
   * once at the end `ended(reason, lost)`, lost if nobody wanted it. An event that wants an ack is given what `heard` returns, an array.
   */
  constructor(address, auth, told) {
    this.auth = auth;
    this.told = told;
    this.socket = new WebSocket(`${address}?EIO=4&transport=websocket`);
    this.socket.addEventListener('message', ({ data }) => { if (typeof data === 'string') this.#take(data); });
    this.socket.addEventListener('close', () => this.#close('connection lost', true));
  }

  /** Sends an event. */
  emit(event, args) {
    this.#send(`42${JSON.stringify([event, ...args])}`);
  }

  /**
   * Sends an event and resolves to the arguments of its ack, or to nothing if there is none within these ms. If it is `quiet` nobody
   * is told of its packets.
   */
  ask(event, args, milliseconds, quiet = false) {
    const number = this.#number += 1;
    this.#send(`42${number}${JSON.stringify([event, ...args])}`, quiet);
    return new Promise((settle) => {
      this.#waiting.set(number, { settle, quiet });
      setTimeout(() => this.#settle(number), milliseconds);
    });
  }

  /** Leaves the namespace, then the connection. */
  disconnect() {
    this.#send('41');
    this.#close('disconnected');
  }

  #take(packet) {
    if (this.over) return; // what was on its way
    const [, engine, type, number, json] = /^(\d)(\d?)(\d*)(.*)$/s.exec(packet) ?? [];
    const quiet = engine === '2' || (type === '3' && this.#waiting.get(Number(number))?.quiet);
    if (!quiet) this.told.packet('in', packet);
    if (engine === '2') this.#pinged();
    if (engine === '0') this.#opened(JSON.parse(packet.slice(1)));
    if (engine !== '4') return;
    if (type === '0') this.told.connected(JSON.parse(json).sid);
    if (type === '1') this.#close('disconnected by the server');
    if (type === '2') this.#heard(JSON.parse(json), number);
    if (type === '3') this.#settle(Number(number), JSON.parse(json));
    if (type === '4') this.#close(`refused: ${JSON.parse(json).message}`);
  }

  #opened({ pingInterval, pingTimeout }) {
    this.silence = pingInterval + pingTimeout;
    this.#watch();
    this.#send(`40${this.auth ? JSON.stringify(this.auth) : ''}`);
  }

  #heard([event, ...args], number) {
    const answer = this.told.heard(event, args);
    if (number) this.#send(`43${number}${JSON.stringify(answer ?? [])}`);
  }

  /** The heartbeat is no news for anybody. */
  #pinged() {
    this.socket.send('3');
    this.#watch();
  }

  /** Without a ping in time nobody is there any more, whatever TCP thinks. */
  #watch() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#close('no heartbeat', true), this.silence);
  }

  #settle(number, args) {
    this.#waiting.get(number)?.settle(args);
    this.#waiting.delete(number);
  }

  #send(packet, quiet = false) {
    if (!quiet) this.told.packet('out', packet);
    this.socket.send(packet);
  }

  /** The end, whoever wants it; only the first one counts. */
  #close(reason, lost = false) {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.timer);
    this.socket.close();
    for (const number of [...this.#waiting.keys()]) this.#settle(number);
    this.told.ended(reason, lost);
  }
}
