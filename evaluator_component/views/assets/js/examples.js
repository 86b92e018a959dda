/** The worst examples of each slice, as far as they were kept. */

import { fillWith, h, picker } from "./dom.js";
import { count, plain } from "./format.js";
import { distinct, payload } from "./payload.js";
import { state, update } from "./state.js";

const FIRST_ROWS = 100;

export class ExamplesView {
  constructor(root) {
    this.controls = h(".toolbar");
    this.holder = h(".scroll-x", { tabindex: 0, role: "region", "aria-label": "Examples" });
    this.sort = { column: -1, down: true };
    this.rows = FIRST_ROWS;
    root.append(this.controls, this.holder);
    this.render();
  }

  destroy() {}

  update() {
    this.render();
  }

  render() {
    const { columns, rows, slices } = payload.examples;
    const names = distinct(slices);
    const slice = state.sel.find((name) => names.includes(name)) ?? "";
    const order = rows.map((_, at) => at).filter((at) => !slice || slices[at] === slice);
    if (this.sort.column >= 0) this.order(order, rows);
    fillWith(this.controls,
      picker("Slice", [{ value: "", label: `all ${count(names.length)} slices with examples` }, ...names.map((name) => ({ value: name, label: name }))], slice, (v) => update({ sel: v ? [v] : [] })),
      h("p.tally-line", { role: "status" }, h("span", {}, h("b", {}, count(order.length)), " examples")));
    const numeric = columns.map((_, at) => rows.some((row) => typeof row[at] === "number"));
    const head = (name, at) => {
      const sorted = this.sort.column === at;
      const press = () => {
        this.sort = { column: at, down: sorted ? !this.sort.down : true };
        this.render();
      };
      return h(`th${numeric[at] ? ".num" : ""}`, { scope: "col", "aria-sort": sorted ? (this.sort.down ? "descending" : "ascending") : "none" },
        h("button.sort", { type: "button", onclick: press }, h("span", {}, name), h("i", { "aria-hidden": "true" }, sorted ? (this.sort.down ? "↓" : "↑") : "")));
    };
    const cell = (value, at) => h(`td${numeric[at] ? ".num" : ""}`, {}, typeof value === "number" ? plain(value) : value === null ? "–" : typeof value === "object" ? JSON.stringify(value) : String(value));
    fillWith(this.holder, h("table.plain.examples", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Slice"), columns.map(head))),
      h("tbody", {}, order.slice(0, this.rows).map((at) => h("tr", {}, h("th", { scope: "row" }, slices[at]), rows[at].map(cell))))),
      order.length > this.rows && h("button.link", { type: "button", onclick: () => { this.rows *= 4; this.render(); } }, "Show more"));
  }

  order(order, rows) {
    const { column, down } = this.sort;
    const way = down ? -1 : 1;
    order.sort((a, b) => {
      const [x, y] = [rows[a][column], rows[b][column]];
      if (typeof x === "number" && typeof y === "number") return way * (x - y) || a - b;
      if (x === null || y === null) return (x === null) - (y === null);
      return way * String(x).localeCompare(String(y), "en", { numeric: true }) || a - b;
    });
  }
}
