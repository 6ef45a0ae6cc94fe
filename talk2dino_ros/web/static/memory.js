// SPDX-License-Identifier: Apache-2.0
// What the robot has seen before: a word to ask the memory for. The map from above shows the places by their numbers.

import { byId, element, percent, setText } from "./dom.js";
import { ask } from "./live.js";

export class Memory {
  constructor() {
    byId("memory-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.find(byId("memory-word").value);
    });
  }

  show(state) {
    byId("memory").hidden = !state.can_find;
  }

  async find(word) {
    if (!word.trim()) return;
    setText(byId("memory-said"), "…");
    byId("memory-places").replaceChildren();
    try {
      const { message, places } = await ask("find", { word });
      setText(byId("memory-said"), message);
      byId("memory-places").replaceChildren(...places.map((place) => element("li", { text: described(place) })));
    } catch (error) {
      setText(byId("memory-said"), error.message);
    }
  }
}

function described({ class_name, position, frame, confidence }) {
  const [x, y, z] = position.map((each) => each.toFixed(1));
  return `${class_name}, ${percent(confidence)}: x ${x} m, y ${y} m, z ${z} m in ${frame}`;
}
