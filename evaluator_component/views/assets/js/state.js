/**
 * What the page shows. The state lives in the fragment of the page's address, so a view can be
 * shared; where a frame forbids that (an opaque origin has no address), it lives here alone.
 */

const DEFAULTS = {
  view: "",
  dataset: 0,
  compare: "",
  output: "",
  sub: "",
  weighted: "",
  metrics: [],
  focus: "",
  sort: "",
  down: false,
  min: 0,
  q: "",
  feature: "",
  only: "",
  range: [],
  chart: "spread",
  sel: [],
  models: [],
  cut: 0.5,
  over: [],
  theme: "",
};

export const state = { ...DEFAULTS };

const listeners = new Set();

/** Calls a function after every change, with the set of names that changed. */
export function onChange(listener) {
  listeners.add(listener);
}

/** Changes the state, writes it into the address and tells the views. */
export function update(patch) {
  const changed = new Set();
  for (const [name, value] of Object.entries(patch)) {
    if (JSON.stringify(state[name]) !== JSON.stringify(value)) {
      state[name] = value;
      changed.add(name);
    }
  }
  if (!changed.size) return;
  writeFragment();
  for (const listener of listeners) listener(changed);
}

/** Sets the state that a page opens in: the payload's, then what its address says. */
export function openState(initial) {
  Object.assign(state, DEFAULTS, initial, readFragment());
}

/** Returns the names that the address changes against the present state; empty for our own writes. */
export function followFragment() {
  update({ ...DEFAULTS, view: state.view, theme: state.theme, ...readFragment() });
}

function readFragment() {
  const found = {};
  let text = "";
  try {
    text = location.hash.slice(1);
  } catch {
    return found;
  }
  const parameters = new URLSearchParams(text);
  for (const [name, fallback] of Object.entries(DEFAULTS)) {
    if (!parameters.has(name)) continue;
    const texts = parameters.getAll(name);
    if (name === "range") found[name] = texts.map(Number).filter((number) => !Number.isNaN(number));
    else if (Array.isArray(fallback)) found[name] = texts;
    else if (typeof fallback === "number") found[name] = Number(texts[0]) || 0;
    else if (typeof fallback === "boolean") found[name] = texts[0] === "1";
    else found[name] = texts[0];
  }
  return found;
}

/** Returns the fragment of the present state: only what differs from the defaults. */
export function fragment() {
  const parameters = new URLSearchParams();
  for (const [name, fallback] of Object.entries(DEFAULTS)) {
    const value = state[name];
    if (JSON.stringify(value) === JSON.stringify(fallback)) continue;
    for (const part of Array.isArray(value) ? value : [value]) {
      parameters.append(name, part === true ? "1" : String(part));
    }
  }
  return parameters.toString();
}

function writeFragment() {
  if (location.protocol === "about:") return;
  try {
    history.replaceState(null, "", `#${fragment()}`);
  } catch {
    // A sandboxed frame may forbid this; the state then lives in memory.
  }
}
