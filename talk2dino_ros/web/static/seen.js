// SPDX-License-Identifier: Apache-2.0
// What is seen now, as a list, and one of it in detail.

import { byId, element, keyed, percent, setText, swatch } from "./dom.js";
import { ask } from "./live.js";

const MOST_SHOWN = 40;

export class Seen {
  constructor() {
    this.dialog = byId("details");
    byId("details-close").onclick = () => this.dialog.close();
    byId("details-go").onclick = () => this.go();
    byId("journey-close").onclick = () => {
      this.closed = this.state.journey; // a later one has another sentence, or is under way
      byId("journey").hidden = true;
    };
    byId("journey-stop").onclick = () => ask("stop", {}).catch((error) => setText(byId("journey-said"), error.message));
  }

  show(state) {
    this.state = state;
    if (this.dialog.open) this.offerGo(this.isAsked); // a goal node may have come, or gone
    if (state.is_going || state.journey !== this.closed) this.closed = "";
    byId("journey").hidden = !state.journey || state.journey === this.closed;
    setText(byId("journey-said"), state.journey);
    byId("journey-stop").hidden = !state.is_going || state.read_only;
    byId("journey-close").hidden = state.is_going;
    const all = state.cameras.flatMap((camera) => camera.points.map((point) => ({ point, camera: camera.name })));
    const several = state.cameras.filter((camera) => !camera.is_map).length > 1;
    const counts = new Map();
    const items = all.slice(0, MOST_SHOWN).map((item) => {
      const stem = `${item.camera} ${item.point.class_name} ${item.point.object_id}`;
      counts.set(stem, (counts.get(stem) ?? 0) + 1);
      return { ...item, key: `${stem} ${counts.get(stem)}` };
    });
    keyed(byId("seen"), items, (item) => item.key, () => element("li", {}, element("button", { type: "button" },
      swatch("#000"), element("span"), element("span", { className: "quiet" }))), (row, item) => {
      const [color, name, where] = row.firstChild.children;
      color.style.setProperty("--swatch", item.point.color);
      setText(name, item.point.class_name);
      setText(where, [percent(item.point.confidence), several ? item.camera : ""].filter(Boolean).join(", "));
      row.firstChild.onclick = () => this.open(item.point, item.camera);
    });
    setText(byId("seen-title"), all.length ? `Seen now (${all.length})` : "Seen now: nothing");
  }

  open(point, camera) {
    setText(byId("details-title"), point.class_name);
    const rows = [
      ["Camera", camera],
      ["Confidence", percent(point.confidence)],
      ["Pixel", `${point.pixel[0]}, ${point.pixel[1]}`],
      ["Place", place(point)],
      ["Object", point.object_id ? `number ${point.object_id}, ${point.state}` : "not tracked"],
    ];
    byId("details-list").replaceChildren(
      ...rows.flatMap(([term, said]) => [element("dt", { text: term }), element("dd", { text: said })]));
    setText(byId("details-message"), "");
    this.point = point;
    this.offerGo(false);
    this.dialog.showModal();
  }

  offerGo(isAsked) {
    const button = byId("details-go");
    this.isAsked = isAsked;
    button.hidden = !this.state.can_go || this.state.read_only || !this.point.position;
    setText(button, isAsked ? "Yes, drive" : "Go there…");
  }

  // The first press asks, the second sends.
  async go() {
    const { class_name, object_id } = this.point;
    if (!this.isAsked) {
      this.offerGo(true);
      setText(byId("details-message"), `The robot will drive to the ${class_name}. Is its way free?`);
      return;
    }
    this.offerGo(false);
    try {
      await ask("go", { class_name, object_id, is_confirmed: true });
      this.dialog.close();
    } catch (error) {
      setText(byId("details-message"), error.message);
    }
  }
}

function place({ position, frame, reason }) {
  if (!position) return `not known: ${reason}`;
  const [x, y, z] = position.map((each) => each.toFixed(2));
  return `x ${x} m, y ${y} m, z ${z} m in ${frame}`;
}
