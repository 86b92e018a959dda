/** The slicing browser: filters, two charts of one metric, the table, and the selected slices. */

import { browse, digitsOf, MAX_SELECTED, PART_WORDS, selectedRows } from "./browse.js";
import { Details } from "./details.js";
import { fillWith, h } from "./dom.js";
import { filterRows, sortByNumbers } from "./filters.js";
import { count, interval } from "./format.js";
import { SliceCharts } from "./slice_charts.js";
import { rowClass, tableColumns } from "./slice_columns.js";
import { state, update } from "./state.js";
import { VirtualTable } from "./table.js";
import { Toolbar } from "./toolbar.js";

const NO_FILTER = { min: 0, q: "", feature: "", only: "", range: [] };

export class SlicesView {
  constructor(root) {
    this.toolbar = new Toolbar();
    this.charts = new SliceCharts((row) => this.open(row));
    this.tally = h("p.tally-line", { role: "status" });
    this.details = new Details();
    this.selected = new Set();
    this.table = new VirtualTable({
      label: "Slices and their metrics",
      onSort: (id) => this.sort(id),
      onToggle: (row) => this.toggle(row),
      onOpen: (row) => this.open(row),
      isSelected: (row) => this.selected.has(row),
      rowClass: (row) => rowClass(this.view, row),
    });
    const left = h(".browser-main", {}, this.toolbar.element, this.charts.element, this.tally, this.table.element);
    this.element = h(".browser", {}, left, this.details.element);
    root.append(this.element);
    this.render();
  }

  destroy() {
    this.charts.destroy();
    this.table.destroy();
    this.details.destroy();
  }

  update(changed) {
    const only = (...names) => [...changed].every((name) => names.includes(name));
    if (only("sel")) this.renderSelection();
    else if (only("sort", "down") && browse().focus?.id === this.view.focus?.id) this.renderOrder();
    else this.render({ brushing: this.charts.moving && only("range", "focus") });
  }

  /** Draws everything that the state decides. */
  render({ brushing = false } = {}) {
    this.view = browse();
    this.selected = new Set(selectedRows(this.view.dataset));
    this.element.classList.toggle("with-details", this.selected.size > 0);
    this.toolbar.render(this.view);
    this.renderTable();
    this.details.render(this.view);
    if (brushing) this.charts.follow();
    else this.charts.draw();
  }

  /** A new order changes the table and the bars, not the histogram. */
  renderOrder() {
    this.view = browse();
    this.renderTable();
    this.charts.drawBars();
  }

  /** A new selection changes marks; and the room that charts have, which they notice themselves. */
  renderSelection() {
    this.selected = new Set(selectedRows(this.view.dataset));
    const opened = this.selected.size > 0;
    const moved = opened !== this.element.classList.contains("with-details");
    this.element.classList.toggle("with-details", opened);
    this.table.draw();
    this.details.render(this.view);
    this.charts.take(this.view, this.rows, this.before, this.selected);
    if (!moved) this.charts.drawBars();
  }

  renderTable() {
    const { dataset, sort } = this.view;
    this.findRows();
    this.charts.take(this.view, this.rows, this.before, this.selected);
    this.table.setColumns(tableColumns(this.view, (row) => this.box(row)), sort);
    this.table.setRows(this.rows, dataset.overall);
    const all = dataset.size - (dataset.overall >= 0);
    const filtered = Object.keys(NO_FILTER).some((name) => (Array.isArray(state[name]) ? state[name].length : state[name]));
    fillWith(this.tally,
      h("span", {}, h("b", {}, count(this.rows.length)), this.rows.length === all ? " slices" : ` of ${count(all)} slices`),
      this.rangeChip(),
      filtered && h("button.link", { type: "button", onclick: () => update(NO_FILTER) }, "Clear filters"));
  }

  /** Filters and sorts. The range comes last, so that the histogram can show what it leaves out. */
  findRows() {
    const { dataset, focus, judged, sort, sortColumn } = this.view;
    const slices = (rows) => rows.filter((row) => row !== dataset.overall);
    this.before = slices(filterRows(dataset, { ...state, range: [] }, judged, null));
    const ranged = state.range.length === 2;
    this.rows = ranged ? slices(filterRows(dataset, state, judged, focus?.numbers.value ?? null)) : this.before.slice();
    if (sortColumn) sortByNumbers(this.rows, sortColumn.numbers.value, sort.down);
    else if (sort.id === "examples") sortByNumbers(this.rows, dataset.examples, sort.down);
    else if (sort.id === "slice") {
      const way = sort.down ? -1 : 1;
      this.rows.sort((a, b) => way * dataset.names[a].localeCompare(dataset.names[b], "en", { numeric: true }));
    }
  }

  rangeChip() {
    if (state.range.length !== 2 || !this.view.focus) return null;
    const { measure, part } = this.view.focus;
    const signed = part === "diff";
    const [low, high] = state.range;
    const digits = digitsOf(measure);
    const words = Number.isFinite(low) && Number.isFinite(high)
      ? `from ${interval(low, high, digits, signed)}`
      : Number.isFinite(low) ? `from ${low}` : `up to ${high}`;
    return h("button.chip", { type: "button", title: "Remove this range", onclick: () => update({ range: [] }) },
      `${measure.id}${PART_WORDS[part]} ${words}`, h("i", { "aria-hidden": "true" }, " ✕"));
  }

  box(row) {
    const name = this.view.dataset.names[row];
    return h("input", { type: "checkbox", tabindex: -1, checked: this.selected.has(row), "aria-label": `Select ${name}`, onchange: () => this.toggle(row) });
  }

  sort(id) {
    const patch = state.sort === id ? { down: !state.down } : { sort: id, down: id === "examples" };
    // The charts follow the column that is sorted by, unless a range is set on another one.
    if (id.includes(":") && !state.range.length) patch.focus = id;
    update(patch);
  }

  toggle(row) {
    const name = this.view.dataset.names[row];
    const without = state.sel.filter((other) => other !== name);
    update({ sel: without.length < state.sel.length ? without : [...state.sel, name].slice(-MAX_SELECTED) });
  }

  open(row) {
    const name = this.view.dataset.names[row];
    update({ sel: state.sel.length === 1 && state.sel[0] === name ? [] : [name] });
  }
}
