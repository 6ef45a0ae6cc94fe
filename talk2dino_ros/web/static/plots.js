// SPDX-License-Identifier: Apache-2.0
// How long an image takes and how many are dropped, over the last minutes, as two lines.

import { byId, element, setText } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const KEPT = 120;
const PERIOD_MS = 1000;

class Plot {
  constructor(title, unit) {
    Object.assign(this, { title, unit, values: [] });
    this.said = element("span", { className: "quiet" });
    const head = element("div", { className: "line" }, element("span", { text: title }), this.said);
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("viewBox", `0 0 ${KEPT - 1} 40`);
    this.svg.setAttribute("preserveAspectRatio", "none");
    this.svg.setAttribute("role", "img");
    this.svg.setAttribute("aria-label", `${title}: nothing yet`);
    const ground = document.createElementNS(SVG, "line");
    for (const [name, value] of [["x1", 0], ["x2", KEPT - 1], ["y1", 40], ["y2", 40]]) ground.setAttribute(name, value);
    this.line = document.createElementNS(SVG, "polyline");
    this.svg.append(ground, this.line);
    byId("plots").append(element("div", { className: "plot" }, head, this.svg));
  }

  add(value) {
    this.values = [...this.values, value].slice(-KEPT);
    const top = Math.max(...this.values, 1e-9);
    const first = KEPT - this.values.length;
    this.line.setAttribute("points", this.values.map((each, i) => `${first + i},${40 - (36 * each) / top}`).join(" "));
    const shown = `${Math.round(10 * value) / 10} ${this.unit}`;
    setText(this.said, shown);
    this.svg.setAttribute("aria-label", `${this.title}: now ${shown}, at most ${Math.round(10 * top) / 10} ${this.unit}`);
  }
}

export class Plots {
  constructor() {
    this.latency = new Plot("Time for an image", "ms");
    this.dropped = new Plot("Images dropped", "a second");
    this.last = null;
    setInterval(() => this.sample(), PERIOD_MS);
  }

  show(state) {
    this.state = state;
  }

  sample() {
    if (!this.state || document.hidden) return;
    const latencies = this.state.cameras.map((camera) => camera.latency_ms).filter((each) => each !== null);
    if (latencies.length) this.latency.add(latencies.reduce((sum, each) => sum + each, 0) / latencies.length);
    const total = this.state.cameras.reduce((sum, camera) => sum + camera.dropped, 0);
    if (this.last !== null) this.dropped.add(Math.max(0, total - this.last) / (PERIOD_MS / 1000));
    this.last = total;
  }
}
