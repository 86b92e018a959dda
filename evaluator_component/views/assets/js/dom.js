/**
 * Builds elements. Text from data only ever becomes a text node or an attribute's value;
 * nothing in this page parses HTML.
 */

const SVG = "http://www.w3.org/2000/svg";

/** Creates an element: h("button.primary", {onclick}, "Save"). Falsy children are left out. */
export function h(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name || "div");
  if (classes.length) element.className = classes.join(" ");
  return complete(element, attributes, children);
}

/** Creates an SVG element. */
export function svg(name, attributes = {}, ...children) {
  return complete(document.createElementNS(SVG, name), attributes, children);
}

function complete(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style" && typeof value === "object") setStyle(element, value);
    else if (name === "value" || name === "checked" || name === "selected") element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

function setStyle(element, style) {
  for (const [name, value] of Object.entries(style)) {
    if (value !== null && value !== undefined) element.style.setProperty(name, String(value));
  }
}

function append(element, children) {
  for (const child of children.flat(4)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/** Replaces what an element holds; a control that had the focus (known by data-focus) gets it back. */
export function fillWith(element, ...children) {
  const active = document.activeElement;
  const focus = active && element.contains(active) ? active.dataset.focus : null;
  element.replaceChildren();
  append(element, children);
  if (focus) {
    const again = [...element.querySelectorAll("[data-focus]")].find((one) => one.dataset.focus === focus);
    again?.focus({ preventScroll: true });
  }
  return element;
}

/** A labelled <select>. Options: [{value, label}] or [{group, options}]. */
export function picker(label, options, value, onpick, { hidden = false } = {}) {
  const option = (item) =>
    h("option", { value: item.value, selected: String(item.value) === String(value) }, item.label);
  const select = h(
    "select",
    { "aria-label": label, "data-focus": `pick ${label}`, onchange: (event) => onpick(event.target.value) },
    options.map((item) =>
      item.options ? h("optgroup", { label: item.group }, item.options.map(option)) : option(item),
    ),
  );
  return h(hidden ? "label.control.bare" : "label.control", {}, h("span", {}, label), select);
}

/** A menu that opens under its button and closes on Escape or on a click elsewhere. */
export function menu(label, content) {
  const details = h("details.menu", {}, h("summary", { "data-focus": "menu" }, label), h(".menu-panel", {}, content));
  details.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      details.open = false;
      details.querySelector("summary").focus();
    }
  });
  details.addEventListener("toggle", () => {
    if (!details.open) return;
    const close = (event) => {
      if (details.contains(event.target)) return;
      details.open = false;
      document.removeEventListener("pointerdown", close);
    };
    document.addEventListener("pointerdown", close);
  });
  return details;
}

/** A checkbox with its label. */
export function check(label, checked, onchange, { swatch = null, title = null } = {}) {
  const box = h("input", { type: "checkbox", checked, "data-focus": `check ${label}`, onchange: (e) => onchange(e.target.checked) });
  return h("label.check", { title }, box, swatch && h("i.swatch", { style: { background: swatch } }), h("span", {}, label));
}

/** Calls a function once things have been quiet for a moment. */
export function settled(callback, wait = 120) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => callback(...values), wait);
  };
}
