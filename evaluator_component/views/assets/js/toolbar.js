/** The controls above the slices: which slices, which models, which metrics. */

import { check, fillWith, h, menu, picker, settled } from "./dom.js";
import { comparisons, datasets, subLabel } from "./payload.js";
import { state, update } from "./state.js";

const WEIGHTINGS = { true: "weighted", false: "not weighted", "": "as stored" };
const JUDGED = [
  { value: "", label: "Judged or not" },
  { value: "failing", label: "Not passing" },
  { value: "judged", label: "Judged" },
];

export class Toolbar {
  constructor() {
    this.filters = h(".filters", { role: "search", "aria-label": "Filter slices" });
    this.pickers = h(".pickers");
    this.element = h(".toolbar", {}, this.filters, this.pickers);
  }

  render(view) {
    // While somebody types into a filter, it must not be replaced under the hand.
    if (this.filters.contains(document.activeElement) && this.dataset === view.dataset) this.sync();
    else this.buildFilters(view);
    this.buildPickers(view);
  }

  buildFilters({ dataset, judged }) {
    this.dataset = dataset;
    const most = Math.max(10, ...dataset.examples.filter((_, row) => row !== dataset.overall));
    const fromPlace = (place) => roundCount(Math.exp((place / 100) * Math.log(most + 1)) - 1);
    this.toPlace = (least) => (least <= 0 ? 0 : (100 * Math.log(least + 1)) / Math.log(most + 1));
    const find = settled((q) => update({ q }), 90);
    const setLeast = settled((min) => update({ min }), 40);
    const typed = (event) => {
      const least = Math.max(0, Number(event.target.value) || 0);
      this.slider.value = this.toPlace(least);
      setLeast(least);
    };
    const slid = (event) => {
      this.number.value = fromPlace(Number(event.target.value));
      setLeast(Number(this.number.value));
    };
    this.search = h("input", { type: "search", placeholder: "Search slices", "aria-label": "Search slices", value: state.q, oninput: (event) => find(event.target.value) });
    this.number = h("input", { type: "number", min: 0, step: 1, value: state.min, "aria-label": "Fewest examples", oninput: typed });
    this.slider = h("input", { type: "range", min: 0, max: 100, step: 0.5, "aria-label": "Fewest examples, slider", oninput: slid });
    this.slider.value = this.toPlace(state.min);
    const { features } = dataset;
    const sliced = [{ value: "", label: "All features" }, ...features.map((name) => ({ value: name, label: name }))];
    fillWith(this.filters,
      h("label.control.search", {}, h("span.sr", {}, "Search"), this.search),
      features.length > 1 && picker("Sliced by", sliced, state.feature, (feature) => update({ feature }), { hidden: true }),
      h(".control.least", {}, h("span", {}, "Examples ≥"), this.number, this.slider),
      judged.size > 0 && picker("Thresholds", JUDGED, state.only, (only) => update({ only }), { hidden: true }));
  }

  /** Brings the filters up to the state, but for the one that is in use. */
  sync() {
    if (document.activeElement !== this.search) this.search.value = state.q;
    if (![this.number, this.slider].includes(document.activeElement)) {
      this.number.value = state.min;
      this.slider.value = this.toPlace(state.min);
    }
  }

  buildPickers({ comparison, options, choice, list, shown }) {
    const several = (name, label, labelOf) =>
      options[name].length > 1 &&
      picker(label, options[name].map((value) => ({ value, label: labelOf(value) })), choice[name], (value) => update({ [name]: value, range: [] }));
    const named = datasets.map((dataset, at) => ({ value: at, label: dataset.name || "default" }));
    const compared = comparisons().map(({ id, label }) => ({ value: id, label }));
    fillWith(this.pickers,
      named.length > 1 && picker("Dataset", named, state.dataset, (at) => update({ dataset: Number(at), sel: [], range: [] })),
      compared.length > 1 && picker("Models", compared, comparison.id, (id) => update({ compare: id, range: [], sort: "", focus: "" }), { hidden: true }),
      several("output", "Output", (value) => value || "all"),
      several("sub", "Class", (value) => subLabel(value, choice.output)),
      several("weighted", "Examples", (value) => WEIGHTINGS[value]),
      this.metricMenu(list, shown));
  }

  metricMenu(list, shown) {
    const before = this.pickers.querySelector("details");
    const scroll = this.pickers.querySelector(".menu-panel")?.scrollTop ?? 0;
    const ids = new Set(shown.map((measure) => measure.id));
    const set = (id, on) => {
      const next = list.filter((measure) => (measure.id === id ? on : ids.has(measure.id)));
      if (next.length) update({ metrics: next.map((measure) => measure.id) });
    };
    const element = menu(
      [h("span", {}, "Metrics"), h("b", {}, `${shown.length} of ${list.length}`)],
      list.map((measure) => check(measure.id, ids.has(measure.id), (on) => set(measure.id, on))));
    element.open = before?.open ?? false;
    const panel = element.querySelector(".menu-panel");
    requestAnimationFrame(() => { panel.scrollTop = scroll; });
    return element;
  }
}

/** Rounds a count to two significant digits. */
function roundCount(value) {
  if (value < 10) return Math.round(value);
  const power = 10 ** (Math.floor(Math.log10(value)) - 1);
  return Math.round(value / power) * power;
}
