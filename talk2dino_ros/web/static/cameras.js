// SPDX-License-Identifier: Apache-2.0
// A card for each camera: its newest overlay, what is in it, and places to click at.

import { byId, element, keyed, percent, setText, swatch } from "./dom.js";

const MOST_WATCHED = 16; // as the server has it

export class Cameras {
  constructor(onWatch, onPoint) {
    Object.assign(this, { onWatch, onPoint });
    this.parent = byId("cameras");
    this.visible = new Set();
    this.observer = new IntersectionObserver((entries) => this.onScrolled(entries), { rootMargin: "200px" });
  }

  onScrolled(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) this.visible.add(target.dataset.key);
      else this.visible.delete(target.dataset.key);
    }
    // who reads the lists below still wants to know what is seen
    if (this.visible.size) this.onWatch([...this.visible].slice(0, MOST_WATCHED));
  }

  show(cameras, isLost) {
    keyed(this.parent, cameras, (camera) => camera.name, (camera) => this.make(camera), (card, camera) => {
      this.update(card, camera, isLost);
    });
    for (const name of this.visible) {
      if (!cameras.some((camera) => camera.name === name)) this.visible.delete(name);
    }
  }

  make({ name }) {
    const marks = element("div", { className: "marks" });
    const frame = element("div", { className: "frame" }, element("img", { alt: name }), marks);
    const snapshot = element("a", { text: "Snapshot", href: `snapshot?camera=${encodeURIComponent(name)}` });
    snapshot.download = "snapshot.zip";
    snapshot.setAttribute("aria-label", `Snapshot of ${name}: image, mask and what is known of them`);
    const title = element("div", { className: "line" }, element("span", { className: "name", text: name }),
      element("span", { className: "quiet speed" }), snapshot);
    const card = element("figure", {}, frame, element("figcaption", {}, title, element("div", { className: "tags" })));
    this.observer.observe(card);
    return card;
  }

  update(card, camera, isLost) {
    card.querySelector("a").hidden = camera.is_map;
    const frame = card.querySelector(".frame");
    const [width, height] = camera.size;
    if (width) frame.style.aspectRatio = `${width} / ${height}`;
    frame.dataset.stale = isLost || camera.problem ? "yes" : "no";
    const problem = frame.querySelector(".problem");
    if (!camera.problem) problem?.remove();
    else if (problem) setText(problem, camera.problem);
    else frame.append(element("p", { className: "problem", text: camera.problem }));
    const seen = camera.seen.map((each) => `${each.class_name} ${percent(each.share)}`).join(", ");
    card.querySelector("img").alt = camera.is_map ? "The map from above" : `${camera.name}: ${seen || "nothing is marked"}`;
    const dropped = camera.dropped ? `, ${camera.dropped} dropped` : "";
    setText(card.querySelector(".speed"), camera.latency_ms === null ? "" : `${Math.round(camera.latency_ms)} ms${dropped}`);
    this.showTags(card.querySelector(".tags"), camera);
    this.showMarks(card.querySelector(".marks"), camera);
  }

  showTags(tags, camera) {
    const colors = new Map(this.colors);
    keyed(tags, camera.seen, (each) => each.class_name, (each) => {
      const color = colors.get(each.class_name);
      return element("span", { className: "tag" }, swatch(color), element("span"), element("span", { className: "quiet" }));
    }, (tag, each) => {
      tag.firstChild.style.setProperty("--swatch", colors.get(each.class_name) ?? "");
      setText(tag.children[1], each.class_name);
      setText(tag.children[2], percent(each.share));
    });
  }

  showMarks(marks, camera) {
    const [width, height] = camera.size;
    keyed(marks, camera.points.filter((point) => point.pixel[0] >= 0), (point) => `${point.class_name} ${point.pixel}`, () => {
      // the list "Seen now" is the keyboard's way to the same
      return element("button", { type: "button", className: "mark", tabIndex: -1 });
    }, (mark, point) => {
      mark.ariaLabel = `${point.class_name} in ${camera.name}`;
      mark.style.left = `${(100 * point.pixel[0]) / width}%`;
      mark.style.top = `${(100 * point.pixel[1]) / height}%`;
      mark.onclick = () => this.onPoint(point, camera.name);
    });
  }

  // Resolves once the picture is on the screen.
  draw(name, blob) {
    const card = [...this.parent.children].find((each) => each.dataset.key === name);
    if (!card) return Promise.resolve();
    const image = card.querySelector("img");
    const old = image.src;
    return new Promise((resolve) => {
      image.onload = image.onerror = () => {
        if (old) URL.revokeObjectURL(old);
        resolve();
      };
      image.src = URL.createObjectURL(blob);
    });
  }
}
