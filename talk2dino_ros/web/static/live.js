// SPDX-License-Identifier: Apache-2.0
// The line to the server: pictures and states come in turns, each of which is answered once it is drawn.

const SILENCE_MS = 15000; // the server says something every 5 s
const LONGEST_WAIT_MS = 5000; // between two tries to connect
const DRAWING_MS = 3000; // a picture that takes longer is not waited for

export class Live {
  constructor({ onState, onPicture, onLink }) {
    Object.assign(this, { onState, onPicture, onLink });
    this.watched = [];
    this.waitMs = 500;
    this.connect();
    setInterval(() => this.check(SILENCE_MS), 1000);
    document.addEventListener("visibilitychange", () => this.onVisibility());
    for (const event of ["online", "pageshow"]) window.addEventListener(event, () => this.check(SILENCE_MS / 2));
  }

  connect() {
    clearTimeout(this.timer);
    this.heardMs = Date.now();
    this.drawing = [];
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/live`);
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.tellWatched();
    socket.onmessage = (event) => socket === this.socket && this.take(event.data);
    socket.onclose = (event) => socket === this.socket && this.lose(event.reason);
  }

  async take(data) {
    this.heardMs = Date.now();
    if (typeof data !== "string") {
      this.drawing.push(this.draw(data));
      return;
    }
    this.waitMs = 500;
    this.onLink("");
    this.onState(JSON.parse(data));
    await Promise.all(this.drawing.splice(0));
    this.say({ drawn: true });
  }

  draw(data) {
    const size = new DataView(data).getUint16(0, true);
    const { camera } = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 2, size)));
    const drawn = this.onPicture(camera, new Blob([new Uint8Array(data, 2 + size)], { type: "image/jpeg" }));
    return Promise.race([drawn, new Promise((resolve) => setTimeout(resolve, DRAWING_MS))]);
  }

  say(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  watch(names) {
    this.watched = names;
    this.tellWatched();
  }

  tellWatched() {
    this.say({ watch: document.hidden ? [] : this.watched });
  }

  lose(reason) {
    this.onLink(reason || "no connection; trying again");
    this.timer = setTimeout(() => this.connect(), this.waitMs);
    this.waitMs = Math.min(2 * this.waitMs, LONGEST_WAIT_MS);
  }

  // A machine that slept has a line that looks open and is dead.
  check(longestMs) {
    const isOver = this.socket.readyState > WebSocket.OPEN;
    if (!isOver && Date.now() - this.heardMs < longestMs) return;
    if (isOver && longestMs === SILENCE_MS) return; // the next try is on its way
    const old = this.socket;
    this.connect();
    old.close();
  }

  onVisibility() {
    this.tellWatched();
    if (!document.hidden) this.check(SILENCE_MS / 2);
  }
}

// Ask the server for something; throws an Error with its sentence.
export async function ask(path, content) {
  let reply;
  try {
    const headers = { "Content-Type": "application/json" };
    reply = await fetch(path, { method: "POST", headers, body: JSON.stringify(content) });
  } catch {
    throw new Error("The server does not answer; nothing was changed. Try again.");
  }
  const said = await reply.json().catch(() => ({ message: `The server answered with ${reply.status}.` }));
  if (!reply.ok) throw new Error(said.message);
  return said;
}
