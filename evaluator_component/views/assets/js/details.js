/** The selected slices: their metrics side by side, their thresholds, their first plots. */

import { digitsOf, selectedRows } from "./browse.js";
import { h, fillWith } from "./dom.js";
import { STATUS, count, decimal } from "./format.js";
import { datasets, decisionsFor, payload } from "./payload.js";
import { drawPlots, plotSeries } from "./plots.js";
import { state, update } from "./state.js";
import { differenceTone, inWords, sign } from "./strip.js";
import { colors } from "./theme.js";

const FIRST_PLOTS = ["roc", "calibration", "residuals", "confusion"];

export class Details {
  constructor() {
    this.element = h("aside.details", { "aria-label": "Selected slices" });
    this.charts = [];
  }

  destroy() {
    for (const chart of this.charts) chart.destroy();
    this.charts = [];
  }

  render(view) {
    this.destroy();
    const rows = selectedRows(view.dataset);
    this.element.hidden = !rows.length;
    if (!rows.length) return;
    const plots = h(".details-plots");
    fillWith(this.element,
      this.head(view, rows),
      rows.length === 1 ? this.one(view, rows[0]) : this.several(view, rows),
      this.judgement(view, rows),
      this.others(view, rows),
      plots);
    this.plots(view, rows, plots);
  }

  head({ dataset }, rows) {
    const palette = colors().series;
    const remove = (row) => update({ sel: state.sel.filter((name) => name !== dataset.names[row]) });
    return h("header", {},
      h("ul.chips", {}, rows.map((row, at) => h("li", {},
        h("i.swatch", { style: { background: palette[at % palette.length] } }),
        h("span", { title: dataset.names[row] }, dataset.names[row]),
        h("small", {}, count(dataset.examples[row])),
        h("button", { type: "button", "aria-label": `Remove ${dataset.names[row]}`, onclick: () => remove(row) }, "✕")))),
      dataset.notes[rows[0]] && rows.length === 1 && h("p.muted", {}, `* ${dataset.notes[rows[0]]}`));
  }

  one({ list, comparison }, row) {
    const compared = comparison.baseline !== null;
    return h("table.plain.tight", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Metric"), h("th.num", { scope: "col" }, compared ? "Candidate" : "Value"),
        compared && [h("th.num", { scope: "col" }, "Baseline"), h("th.num", { scope: "col" }, "Difference")])),
      h("tbody", {}, list.map((measure) => {
        const digits = digitsOf(measure);
        const cell = (column, signed) => {
          const tone = signed && column ? differenceTone(row, column) || "flat" : "";
          return h(`td.num${tone ? `.${tone}` : ""}`, { title: column && inWords(row, column, digits) }, column ? decimal(column.value[row], digits, signed) : "–");
        };
        return h("tr", {}, h("th", { scope: "row" }, measure.id), cell(measure.value), compared && [cell(measure.base), cell(measure.diff, true)]);
      })));
  }

  several({ list, dataset }, rows) {
    const palette = colors().series;
    return h(".scroll-x", { tabindex: 0, role: "region", "aria-label": "Metrics of the selected slices" }, h("table.plain.tight", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Metric"), rows.map((row, at) =>
        h("th.num", { scope: "col", title: dataset.names[row] }, h("i.swatch", { style: { background: palette[at % palette.length] } }), h("span.sr", {}, dataset.names[row]))))),
      h("tbody", {}, list.map((measure) => {
        const column = measure.value ?? measure.diff;
        const digits = digitsOf(measure);
        return h("tr", {}, h("th", { scope: "row" }, measure.id), rows.map((row) => h("td.num", { title: inWords(row, column, digits) }, decimal(column.value[row], digits))));
      }))));
  }

  judgement({ dataset }, rows) {
    const index = Math.max(0, datasets.indexOf(dataset));
    const found = rows.flatMap((row) => decisionsFor(index, row));
    if (!found.length) return null;
    return h("section", {}, h("h3", {}, "Thresholds"), h("ul.judgement", {}, found.slice(0, 12).map((one) =>
      h("li", {}, sign(one.status), h("span", {}, one.sentence || `${one.metric}: ${STATUS[one.status].word}`)))));
  }

  /** Structured values (matrices, texts) that are no columns of the table. */
  others({ dataset, comparison }, rows) {
    const found = dataset.about.others.filter((other) => other.model === comparison.model && other.rows[rows[0]]);
    if (!found.length || rows.length > 1) return null;
    return h("details", {}, h("summary", {}, "Other values"), h("dl.others", {}, found.map((other) => [h("dt", {}, other.metric), h("dd", {}, other.rows[rows[0]])])));
  }

  plots({ dataset, comparison, choice }, rows, root) {
    const has = (name) => dataset.about.plots.some((plot) => plot[name] === choice[name]);
    if (!dataset.about.plots.length) return;
    const roles = comparison.baseline === null ? [comparison.model] : [comparison.model, comparison.baseline];
    const series = plotSeries(dataset, rows, roles);
    const width = Math.max(220, this.element.clientWidth - 34);
    this.charts = drawPlots(root, dataset, series, { only: FIRST_PLOTS, output: has("output") ? choice.output : undefined, sub: has("sub") ? choice.sub : undefined, size: { width, height: 236 }, limit: 2, headless: true });
    if (this.charts.length && payload.tabs.includes("plots")) {
      root.append(h("button.link", { type: "button", onclick: () => update({ view: "plots" }) }, "All plots of these slices"));
    }
  }
}
