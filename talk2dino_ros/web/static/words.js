// SPDX-License-Identifier: Apache-2.0
// The words: a box to type into, and a chip for each with what is seen of it.

import { byId, element, keyed, percent, setText, swatch } from "./dom.js";
import { ask } from "./live.js";

const RANGE = { min: 0.4, max: 0.7, step: 0.005 }; // scores that a threshold is useful at: the sigmoid of a cosine
const MOST_CHARACTERS = 1000000; // as the server has it

export class Words {
  constructor() {
    this.box = byId("word");
    this.message = byId("words-message");
    this.pending = 0;
    this.wanted = {}; // thresholds that sliders were moved to, by class
    this.sent = {};
    byId("words-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.add();
    });
  }

  show(state) {
    this.state = state;
    const isFixed = state.read_only || Boolean(state.lost);
    for (const control of byId("words-form").elements) control.disabled = isFixed;
    keyed(byId("chips"), state.classes, (each) => each.name, (each) => this.make(each), (chip, each) => {
      this.update(chip, each, state, isFixed);
    });
    byId("threshold-hint").hidden = isFixed || !state.classes.some((each) => each.color);
    setText(byId("version"), state.version === "0" ? "" : `Version ${state.version} of the words`);
    if (state.notice) this.say(`${state.notice}…`);
    else if (!this.pending && this.isNotice) this.say("");
    this.isNotice = Boolean(state.notice);
  }

  make(each) {
    const remove = element("button", { type: "button", className: "remove", text: "×", ariaLabel: `Remove ${each.name}` });
    remove.onclick = () => this.remove(each.name);
    const chip = element("li", { className: "chip" }, swatch(each.color), element("span", { className: "name" }), remove,
      element("span", { className: "numbers quiet" }));
    if (each.color) chip.append(this.makeThreshold(each.name));
    return chip;
  }

  makeThreshold(name) {
    const slider = element("input", { type: "range", ...RANGE, ariaLabel: `Threshold of ${name}` });
    slider.oninput = () => {
      this.wanted = { ...this.wanted, [name]: Number(slider.value) };
      this.sendThresholds();
    };
    const reset = element("button", { type: "button", text: "Reset", ariaLabel: `Give ${name} the common threshold` });
    reset.onclick = () => {
      this.wanted = { ...this.wanted, [name]: null };
      this.sendThresholds();
      slider.focus(); // the button goes
    };
    const said = element("div", { className: "said" }, element("output", { className: "quiet" }), reset);
    return element("div", { className: "threshold" }, slider, said);
  }

  // One request at a time, with the newest values: a slider gives more than there are answers.
  async sendThresholds() {
    if (this.isSending) return;
    this.isSending = true;
    while (Object.keys(this.wanted).length) {
      const thresholds = this.wanted;
      this.sent = thresholds;
      this.wanted = {};
      if (!(await this.change({ thresholds }))) this.wanted = {};
    }
    this.isSending = false;
    this.sent = {};
    this.show(this.state);
  }

  update(chip, each, state, isFixed) {
    chip.firstChild.className = each.color ? "swatch" : "swatch none";
    chip.firstChild.style.setProperty("--swatch", each.color);
    setText(chip.querySelector(".name"), words(each));
    setText(chip.querySelector(".numbers"), numbers(each, state));
    if (each.color) this.updateThreshold(chip, each, state, isFixed);
    chip.querySelector(".remove").disabled = isFixed || state.classes.length < 2;
  }

  updateThreshold(chip, each, state, isFixed) {
    const [slider, said, reset] = ["input", "output", "button"].map((each) => chip.querySelector(`.threshold ${each}`));
    slider.disabled = isFixed;
    const own = { [each.name]: each.threshold, ...this.sent, ...this.wanted }[each.name];
    const value = own ?? state.threshold ?? RANGE.min;
    if (Number(slider.value) !== value) slider.value = value;
    setText(said, own === null ? common(state.threshold) : `${value.toFixed(3)}, own`);
    slider.setAttribute("aria-valuetext", said.textContent);
    reset.hidden = isFixed || own === null;
  }

  async add() {
    const typed = this.box.value;
    if (!typed.trim()) return;
    if (typed.length > MOST_CHARACTERS) {
      this.say(`You typed ${typed.length} characters, expected at most ${MOST_CHARACTERS}; send fewer words.`, true);
      return;
    }
    if (await this.change({ typed })) this.box.value = "";
  }

  async remove(name) {
    const chips = [...byId("chips").children];
    const place = chips.findIndex((chip) => chip.dataset.key === name);
    const next = chips[place + 1] ?? chips[place - 1];
    if (await this.change({ removed: name })) (next?.querySelector(".remove") ?? this.box).focus();
  }

  // Send the words as they are shown, with a change; returns whether it was made.
  async change(change) {
    const classes = this.state.classes.map((each) => each.text);
    this.pending += 1;
    if (!change.thresholds) this.say("…"); // a slider has an output of its own
    try {
      const reply = await ask("words", { classes, expected_version: this.state.version, ...change });
      // what is asked for next builds on this, whether or not the new state is here already, or a newer one
      if (BigInt(reply.version) > BigInt(this.state.version)) {
        this.state = { ...this.state, version: reply.version, classes: reply.classes };
      }
      this.say(reply.message);
      return true;
    } catch (error) {
      this.say(error.message, true);
      return false;
    } finally {
      this.pending -= 1;
    }
  }

  say(text, isBad = false) {
    setText(this.message, text);
    this.message.dataset.bad = isBad ? "yes" : "no";
  }
}

// The words as they were typed, without the threshold, which the slider shows.
const words = (each) => (each.threshold === null ? each.text : each.text.replace(/\s*>=\s*[\d.]+/, ""));

const common = (threshold) => (threshold === null ? "no threshold" : `${threshold.toFixed(3)}, common`);

// How a class stands, in the words of ~/is_in_view, and what all cameras together see of it.
function numbers(each, { cameras, presences, lost }) {
  if (!each.color) return "competes for pixels, and is not shown";
  const stands = presences[each.name];
  if (lost || !stands) return "";
  const looking = cameras.filter((camera) => camera.is_looked_at);
  const seen = looking.flatMap((camera) => camera.seen.filter((one) => one.class_name === each.name));
  const sum = seen.reduce((total, one) => total + one.share, 0);
  const best = stands.best_score === null ? "" : `, best score ${stands.best_score.toFixed(3)}`;
  if (!sum) return `${stands.state}${best}`;
  const sure = seen.reduce((total, one) => total + one.share * one.confidence, 0) / sum;
  const where = looking.length > 1 ? `, seen in ${seen.length} of ${looking.length}` : "";
  return `${stands.state}, ${percent(sum / seen.length)} of the image${where}, confidence ${percent(sure)}`;
}
