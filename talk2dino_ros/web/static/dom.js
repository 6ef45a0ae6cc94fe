// SPDX-License-Identifier: Apache-2.0
// Elements without markup: what came from a person or a robot is only ever text.

export const byId = (id) => document.getElementById(id);

export function element(tag, options = {}, ...children) {
  const { text, className, ...properties } = options;
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  Object.assign(made, properties);
  made.append(...children);
  return made;
}

export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

export function swatch(color) {
  const made = element("span", { className: color ? "swatch" : "swatch none", ariaHidden: "true" });
  if (color) made.style.setProperty("--swatch", color);
  return made;
}

// Keeps one element per key inside of `parent`, in the order of `items`: what has the focus keeps it.
export function keyed(parent, items, keyOf, make, update) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const kept = new Set(items.map(keyOf));
  for (const [key, gone] of old) if (!kept.has(key)) gone.remove(); // first, as one that moves loses the focus
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let child = old.get(key);
    if (!child) {
      child = make(item);
      child.dataset.key = key;
    }
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
    update(child, item);
  }
}

export const percent = (share) => `${share > 0 && share < 0.01 ? "<1" : Math.round(100 * share)}\u00a0%`;
