// The overview: what the models scored in the last hour and day, recent anomalies, and reloads.

import { askJson } from "./api.js";
import { bars } from "./bars.js";
import { byId, make, makeSvg, shown, showProblem, thresholdOf } from "./dom.js";
import { driftOfColumns } from "./drift.js";
import { follow } from "./events.js";
import { showGroups } from "./groups.js";
import { verdictButtons } from "./verdicts.js";

const SHOWN = 50;
const MINUTE = 60, HOUR = 3600;
const cards = new Map();
const rows = new Map();
const verdicts = new Map();

const clock = (seconds) => new Date(1000 * seconds).toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
const date = (seconds) => new Date(1000 * seconds).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" });
const percent = (part, all) => (all ? `${shown((100 * part) / all)}\u00a0%` : "–");

async function update() {
  try {
    const content = await askJson("v1/overview");
    showProblem(byId("overview-problem"), null);
    showModels(content.models);
    showReloads(content.reloads);
    showAnomalies(content);
    showGroups(content.anomalies);
    if (!byId("overview-time").dataset.opened) openLinked();
    byId("overview-time").dataset.opened = "yes";
    byId("overview-time").textContent = `Updated ${clock(Date.now() / 1000)}`;
  } catch (error) {
    showProblem(byId("overview-problem"), error);
  }
}

// ------------------------------------------------------------------------------------------ models

function showModels(models) {
  for (const model of models) {
    if (!cards.has(model.name)) {
      cards.set(model.name, card(model.name));
      byId("models").append(cards.get(model.name).element);
    }
  }
  for (const model of models) cards.get(model.name).show(model);
}

function card(name) {
  const id = `model-${cards.size}`;
  const version = make("span", { class: "hint" });
  const counts = make("tbody");
  const chart = make("figure");
  const span = make("select", { id: `${id}-span` }, make("option", { value: "minutes" }, "last hour"), make("option", { value: "hours" }, "last day"));
  const slider = make("input", { id: `${id}-slider`, type: "range", min: 0, max: 99.5, step: 0.5 });
  const effect = make("output", { for: slider.id });
  const drift = make("p", { class: "hint" });
  const columns = driftOfColumns();
  let model = null;
  const draw = () => {
    const isHour = span.value === "minutes";
    const now = Date.now() / 1000;
    if (chart.clientWidth) chart.replaceChildren(bars(model[span.value], isHour ? MINUTE : HOUR, isHour ? 60 : 24, now, chart.clientWidth));
  };
  const move = () => {
    const severity = Number(slider.value);
    const n = model.severities.slice(Math.round(2 * severity)).reduce((sum, one) => sum + one, 0);
    slider.setAttribute("aria-valuetext", `severity ${severity}`);
    effect.textContent = model.day.rows
      ? `From severity ${shown(severity, 1, 1)} on: ${shown(n)} of ${shown(model.day.rows)} rows of the last day would be anomalies (${percent(n, model.day.rows)}). At the present threshold, ${shown(model.day.anomalies)} are.`
      : "No rows were scored in the last day.";
  };
  span.onchange = draw;
  slider.oninput = move;
  addEventListener("resize", () => model && draw());
  const element = make("section", { class: "card", "aria-labelledby": id },
    make("h2", { id }, name, " ", version),
    make("table", { class: "counts activity" },
      make("thead", {}, make("tr", {}, ["", "Rows", "Anomalies", "Mean severity", "Worst severity"].map((text, place) =>
        place ? make("th", { scope: "col", class: "number" }, text) : make("td")))),
      counts),
    drift,
    columns.element,
    make("div", { class: "line" }, make("label", { for: span.id }, "Worst severity,"), span),
    chart,
    make("label", { for: slider.id }, "Another threshold"), slider, effect,
    make("p", { class: "hint" }, "Only a preview: the threshold of the model stays as it is."));
  const show = (found) => {
    if (!model?.day.rows) slider.value = present(found);
    model = found;
    version.textContent = `version ${model.version}, ${thresholdOf(model)}`;
    counts.replaceChildren(...[["Last hour", model.hour], ["Last day", model.day]].map(([text, bucket]) => make("tr", {},
      make("th", { scope: "row" }, text),
      make("td", { class: "number" }, shown(bucket.rows)),
      make("td", { class: "number" }, bucket.rows ? `${shown(bucket.anomalies)} (${percent(bucket.anomalies, bucket.rows)})` : "–"),
      make("td", { class: "number" }, bucket.rows ? shown(bucket.mean, 1, 1) : "–"),
      make("td", { class: "number" }, bucket.rows ? shown(bucket.worst, 1, 1) : "–"))));
    drift.textContent = model.score_drift === null
      ? "Drift of the scores: not known of so few rows."
      : `Drift of the scores: ${shown(model.score_drift, 2, 2)} of 1, over the latest ${shown(model.score_drift_rows)} rows.`;
    columns.show(model);
    draw();
    move();
  };
  return { element, show };
}

/** The severity from which about as many rows of the last day are anomalies as there are. */
function present({ severities, day, false_alarm_rate }) {
  if (!day.anomalies) return -10 * Math.log10(false_alarm_rate || 0.01);
  let step = severities.length, n = 0;
  while (step > 0 && n < day.anomalies) n += severities[--step];
  return step / 2;
}

// ----------------------------------------------------------------------------------------- reloads

function showReloads(reloads) {
  byId("reloads").replaceChildren(...(reloads.length ? reloads.slice(0, 10) : [null]).map((reload) => reload
    ? make("li", { class: reload.reason ? "refused" : "" }, make("span", { class: "hint" }, date(reload.time)), " ",
      `${reload.model}, version ${reload.version}: ${reload.reason ? `refused. ${reload.reason}` : "loaded"}`)
    : make("li", { class: "hint" }, "No model file was loaded.")));
}

// --------------------------------------------------------------------------------------- anomalies

function showAnomalies({ history, models, anomalies }) {
  const takes = new Map(models.map((model) => [model.name, model.takes_verdicts]));
  const kept = new Set(anomalies.map((one) => one.id));
  for (const [id, element] of rows) {
    if (kept.has(id)) continue;
    element.remove();
    rows.delete(id);
  }
  let next = byId("anomalies").firstElementChild;
  for (const one of anomalies) {
    if (rows.has(one.id)) {
      next = rows.get(one.id).nextElementSibling;
      continue;
    }
    rows.set(one.id, line(one, takes.get(one.model)));
    byId("anomalies").insertBefore(rows.get(one.id), next);
  }
  showMore();
  byId("about-anomalies").textContent = history === "off"
    ? "This service keeps no rows."
    : anomalies.length
      ? "Newest first: severity, row, and what lowers its score most. Select one to see why."
      : "No anomaly yet. Rows that score below the threshold appear here.";
}

function showMore(isAll = byId("anomalies").classList.contains("all")) {
  byId("anomalies").classList.toggle("all", isAll);
  byId("more-anomalies").hidden = isAll || rows.size <= SHOWN;
}

function line(one, takesVerdicts) {
  const named = Object.entries(one.ids).map(([name, value]) => `${name} ${value}`).join(", ") || one.file;
  const worst = one.costs[0];
  const details = make("details", { id: `row=${one.id}`, class: "anomaly", ontoggle: () => {
    if (details.open && details.childElementCount === 1) details.append(inside(one, takesVerdicts));
  } }, make("summary", {},
    make("b", { class: "severity" }, one.severity.toFixed(1)),
    make("span", {}, named ? make("b", {}, named, " ") : null, one.model),
    make("span", { class: "why" }, worst ? `${nameOf(worst)} ${worst.observed ?? ""}` : ""),
    make("time", { class: "hint", datetime: new Date(1000 * one.time).toISOString() }, date(one.time))));
  return details;
}

const nameOf = (cost) => (cost.column === "latent" ? "unusual combination" : cost.column);

function inside(one, takesVerdicts) {
  const address = `#row=${one.id}`;
  const problem = make("div", { class: "problem", role: "alert", hidden: true });
  const send = (said) => askJson(`v1/verdicts?model=${encodeURIComponent(one.model)}&version=${encodeURIComponent(one.version)}`, {
    method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ rows: [{ ...one.cells, verdict: said || null }] }),
  });
  return make("div", { class: "inside" },
    make("p", { class: "hint" }, `Score ${shown(one.score, 2, 2)} nats, version ${one.version}`),
    one.costs.length ? waterfall(one.costs) : make("p", { class: "hint" }, one.file ? "Images are not kept; score the image to see its regions." : "No column is below its typical value."),
    make("div", { class: "line verdict" },
      make("a", { href: address }, "Link to this row"),
      takesVerdicts ? [make("span", {}, "It is"), ...verdictButtons(verdicts, one.id, send, problem)] : null),
    problem,
    make("dl", { class: "cells" }, Object.entries(one.cells).map(([name, value]) =>
      make("div", {}, make("dt", {}, name), make("dd", {}, value == null ? "–" : String(value))))));
}

/** What each column took from the score: each bar begins where the one above ends. */
function waterfall(costs) {
  const total = costs.reduce((sum, cost) => sum + cost.nats, 0);
  let begin = 0;
  return make("div", { class: "wide", tabindex: 0, role: "group", "aria-label": "Columns that lower the score" }, make("table", { class: "waterfall" },
    make("thead", {}, make("tr", {}, ["Column", "Nats", "", "Observed", "Expected"].map((text, place) =>
      text ? make("th", { scope: "col", class: place === 1 ? "number" : "" }, text) : make("td")))),
    make("tbody", {}, costs.map((cost) => {
      const bar = makeSvg("svg", { viewBox: "0 0 100 12", preserveAspectRatio: "none", "aria-hidden": "true" },
        makeSvg("rect", { class: "odd", x: 100 * (begin / total), y: 1, width: Math.max(0.5, 100 * (cost.nats / total)), height: 10 }));
      begin += cost.nats;
      return make("tr", {}, make("th", { scope: "row" }, nameOf(cost)), make("td", { class: "number" }, shown(cost.nats, 1, 1)),
        make("td", { class: "bar" }, bar), make("td", {}, cost.observed ?? "–"), make("td", {}, cost.expected ?? "–"));
    }))));
}

/** Open the row that the address names. */
function openLinked() {
  if (!location.hash.startsWith("#row=")) return;
  const details = rows.get(location.hash.slice(5));
  showProblem(byId("overview-problem"), details ? null : new Error("The row of this link is not kept any more."));
  if (!details) return;
  showMore(true);
  details.open = true;
  details.scrollIntoView({ block: "center" });
  details.firstElementChild.focus();
}

byId("more-anomalies").onclick = () => showMore(true);
addEventListener("hashchange", openLinked);
follow(update);
