// SPDX-License-Identifier: Apache-2.0
// Wires the page: one line to the server, and the parts that show what comes.

import { Cameras } from "./cameras.js";
import { byId, element, keyed, setText } from "./dom.js";
import { Live } from "./live.js";
import { Memory } from "./memory.js";
import { Plots } from "./plots.js";
import { Seen } from "./seen.js";
import { Words } from "./words.js";

const SIGNS = { ok: "✓", note: "!", wrong: "✗" };
const LEVELS = { ok: "well", note: "worth knowing", wrong: "wrong" };

if (location.search) history.replaceState(null, "", location.pathname); // the token, which the cookie has now

const words = new Words();
const seen = new Seen();
const memory = new Memory();
const plots = new Plots();
const cameras = new Cameras((names) => live.watch(names), (point, camera) => seen.open(point, camera));
const live = new Live({ onState: show, onPicture: (name, blob) => cameras.draw(name, blob), onLink: showLink });

function show(state) {
  cameras.colors = state.classes.map((each) => [each.name, each.color]);
  setText(byId("about"), [state.model, state.read_only ? "read-only" : ""].filter(Boolean).join(" · "));
  showLost(state.lost);
  cameras.show(state.cameras, Boolean(state.lost));
  words.show(state);
  seen.show(state);
  memory.show(state);
  plots.show(state);
  showHealth(state.health);
}

function showLost(sentence) {
  byId("lost").hidden = !sentence;
  setText(byId("lost"), sentence);
}

function showLink(problem) {
  byId("link").dataset.state = problem ? "waiting" : "live";
  setText(byId("link"), problem || "live");
}

function showHealth(findings) {
  keyed(byId("health"), findings, (each) => each.what, () => {
    return element("li", {}, element("span"), element("span"), element("span", { className: "remedy quiet" }));
  }, (row, each) => {
    row.className = `level-${each.level}`;
    setText(row.children[0], SIGNS[each.level]);
    row.children[0].ariaLabel = LEVELS[each.level];
    row.children[0].role = "img";
    setText(row.children[1], `${each.what}: ${each.said}`);
    setText(row.children[2], each.remedy);
  });
}
