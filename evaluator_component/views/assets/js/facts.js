/** Facts of the run: models, data, versions, config. */

import { h } from "./dom.js";
import { count, plain, time } from "./format.js";
import { modelLabel, payload } from "./payload.js";

export function facts() {
  const { run } = payload;
  const model = (one) => [one.role, one.unmeasured ? `${one.name || "model"} (not evaluated)` : modelLabel(one), one.location];
  const pairs = [
    ...run.models.map(model),
    run.time && ["time", time(run.time)],
    run.rows !== null && ["examples", count(run.rows)],
    run.bad_records > 0 && ["bad records", count(run.bad_records)],
    Number.isFinite(run.seconds) && ["took", `${plain(run.seconds)} s`],
    ...run.data.map(([name, place, more]) => [name ? `data, ${name}` : "data", place, more]),
    ...run.others.map(([name, text]) => [name.replaceAll("_", " "), text]),
    ...Object.entries(run.versions),
  ].filter(Boolean);
  const title = `Config${run.config_hash ? ` ${run.config_hash.slice(0, 12)}` : ""}`;
  return h("section.facts", {},
    h("h3", {}, "This run"),
    h("dl", {}, pairs.map(([name, value, more]) => [h("dt", {}, name), h("dd", {}, String(value), more && h("small", {}, String(more)))])),
    run.config && h("details", {}, h("summary.link", {}, title), h("pre", { tabindex: 0 }, JSON.stringify(run.config, null, 1))),
    run.notes.map((note) => h("p.muted", {}, note)),
    payload.omitted.length > 0 && h("p.muted", {}, `Left out to keep this page small: ${payload.omitted.join("; ")}.`));
}
