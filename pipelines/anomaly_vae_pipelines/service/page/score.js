// The page at "/": rows or images in, scores out.

import { histogram } from "./chart.js";
import { parseCsv, readText, writeCsv } from "./csv.js";
import { askJson, ServiceError } from "./api.js";
import { byId, make, shown, showProblem, thresholdOf } from "./dom.js";
import { verdictButtons } from "./verdicts.js";

const PART_ROWS = 5000, PART_IMAGES = 16, SHOWN = 100, TRIES = 5;
const OWN_COLUMNS = ["verdict", "verdict_id"];

let models = [];
let images = [];
let stopper = null;
let result = null;
let nShown = SHOWN;

const idOf = (model) => `${encodeURIComponent(model.name)}&version=${encodeURIComponent(model.version)}`;
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
const showStatus = (text) => { byId("status").textContent = text; };

/** The model that is chosen; throws an error if none is served. */
function chosen() {
  const model = models.find((one) => idOf(one) === byId("model").value);
  if (!model) throw new Error("No model is served yet. Reload the page when there is one.");
  return model;
}

// ------------------------------------------------------------------------------------ what to score

async function begin() {
  models = (await askJson("v1/models")).models;
  const isOne = (model) => models.filter((other) => other.name === model.name).length === 1;
  byId("model").replaceChildren(...models.map((model) =>
    make("option", { value: idOf(model) }, isOne(model) ? model.name : `${model.name}, version ${model.version}`)));
  choose();
}

function choose() {
  const model = chosen();
  const rate = model.false_alarm_rate;
  const takes = model.image
    ? `images of ${model.image.width} × ${model.image.height} pixels`
    : `${model.columns.length} columns`;
  byId("about").textContent = [
    `takes ${takes}`,
    thresholdOf(model),
    rate == null ? null : `false alarms ${shown(100 * rate)} % of normal rows`,
  ].filter(Boolean).join(" · ");
  byId("text").hidden = Boolean(model.image);
  byId("pictures").hidden = !model.image;
  byId("example").hidden = Boolean(model.image);
  byId("files").accept = model.image ? "image/*" : ".csv,.tsv,.txt,text/csv";
  images = [];
  clear();
}

function clear() {
  byId("result").hidden = true;
  showStatus("");
  showProblem(byId("problem"), null);
}

async function take(files) {
  clear();
  const model = chosen();
  const isImage = (file) => file.type.startsWith("image/");
  if (model.image) {
    images = files;
    await scoreNow();
    return;
  }
  if (isImage(files[0])) throw new Error(`The model ${model.name} takes a table. Drop a CSV file.`);
  if (files.length > 1) throw new Error("Drop one file at a time.");
  byId("text").value = await readText(files[0]);
  await scoreNow();
}

async function showExample() {
  clear();
  const { name, version } = chosen();
  const detail = await askJson(`v1/models/${encodeURIComponent(name)}?version=${encodeURIComponent(version)}`);
  const rows = detail.example.rows;
  if (!rows.length) throw new Error("This model is a Pipeline, which has no example rows. Paste some rows.");
  const changed = spoil(rows.at(-1), detail.columns);
  const names = Object.keys(rows[0]);
  byId("text").value = writeCsv(names, rows.map((row) => names.map((column) => row[column])));
  await scoreNow();
  showStatus(`The model generated these rows.${changed ? ` In row ${rows.length}, ${changed} was then multiplied by ten.` : ""}`);
}

/** Multiply one number of a row by ten; returns its column. */
function spoil(row, columns) {
  const name = columns.find(({ name, kind }) => kind === "numeric" && row[name])?.name;
  if (name) row[name] *= 10;
  return name;
}

// ---------------------------------------------------------------------------------------- scoring

async function scoreNow() {
  clear();
  const model = chosen();
  const table = model.image ? imageTable() : parseCsv(byId("text").value);
  const scored = [];
  stopper = new AbortController();
  busy(true);
  try {
    let size = model.image ? PART_IMAGES : PART_ROWS;
    while (scored.length < table.rows.length) {
      showStatus(`Scored ${shown(scored.length)} of ${shown(table.rows.length)} …`);
      const begin = scored.length;
      try {
        scored.push(...(await scorePart(table, begin, size)).rows);
      } catch (error) {
        if (error instanceof ServiceError && error.status === 413 && size > 1) size = Math.ceil(size / 4);
        else throw withLines(error, table, begin);
      }
    }
    showStatus("");
  } catch (error) {
    if (error.name !== "AbortError") {
      showStatus("");
      throw error;
    }
    showStatus(`Stopped after ${shown(scored.length)} of ${shown(table.rows.length)}.`);
  } finally {
    busy(false);
  }
  if (scored.length) show({ model, table, scored });
}

function imageTable() {
  if (!images.length) throw new Error("There is nothing to score yet. Choose or drop image files.");
  return { names: ["file"], rows: images.map((file) => [file.name]), lines: null };
}

async function scorePart(table, begin, size) {
  const path = `v1/score?explain=true&model=${byId("model").value}`;
  const options = { method: "POST", signal: stopper.signal };
  if (chosen().image) {
    options.body = new FormData();
    images.slice(begin, begin + size).forEach((file) => options.body.append("file", file, file.name));
  } else {
    options.body = writeCsv(table.names, table.rows.slice(begin, begin + size));
    options.headers = { "Content-Type": "text/csv" };
  }
  for (let left = TRIES; ; left--) {
    try {
      return await askJson(path, options);
    } catch (error) {
      if (error.status !== 503 || left === 1) throw error;
      await pause(error.seconds || 1);
    }
  }
}

/** The error of a part, with the line numbers of the whole text. */
function withLines(error, table, begin) {
  const named = error instanceof ServiceError ? error.content.rows : null;
  if (!named || !table.lines) return error;
  const starts = sentLines(table, begin);
  const lineOf = (sent) => table.lines[begin + Math.max(0, starts.findLastIndex((start) => start <= sent))];
  const rows = named.map((row) => `Line ${lineOf(row.line)}: ${row.problem}`);
  const all = Number(error.message.split(" ", 1)[0].replaceAll(",", "")) || rows.length;
  const rest = all > rows.length ? ", among them" : "";
  const words = `${all === 1 ? "One row cannot be read, and nothing was" : `${shown(all)} rows cannot be read${rest}, and nothing was`} scored:`;
  return Object.assign(new Error(words), { rows });
}

/** The line on which each row of a part begins; a cell may have several lines. */
function sentLines(table, begin) {
  const starts = [];
  let line = 2;
  for (const cells of table.rows.slice(begin)) {
    starts.push(line);
    line += 1 + cells.join("").split("\n").length - 1;
  }
  return starts;
}

function busy(isBusy) {
  for (const id of ["score", "choose", "example", "model"]) byId(id).disabled = isBusy;
  byId("stop").hidden = !isBusy;
}

// ------------------------------------------------------------------------------------------ showing

function show(found) {
  result = { ...found, verdicts: new Map() };
  const { model, scored } = found;
  byId("verdict").hidden = !model.takes_verdicts;
  const odd = scored.filter((row) => row.is_anomaly).length;
  const noun = (n) => (model.image ? "image" : "row") + (n === 1 ? "" : "s");
  byId("row-name").textContent = model.image ? "Image" : "Row";
  byId("about-rows").textContent =
    `Lowest score first. ${model.image ? "Select an image to enlarge it." : "Select a row number to see all columns."}`;
  byId("why").textContent = model.image ? "Why: unusual regions" : "Why: columns that lower the score most";
  byId("summary").textContent =
    `${shown(odd)} of ${shown(scored.length)} ${noun(scored.length)} ${odd === 1 ? "is an anomaly" : "are anomalies"} ` +
    `(${shown((100 * odd) / scored.length)}\u00a0%): ${odd === 1 ? "it scores" : "they score"} below ${limitOf(result)}.`;
  if (!odd) {
    byId("summary").textContent =
      `None of ${shown(scored.length)} ${noun(scored.length)} is an anomaly: none scores below ${limitOf(result)}.`;
  }
  byId("only").checked = false;
  byId("only").disabled = !odd;
  byId("result").hidden = false;
  draw();
  nShown = SHOWN;
  list();
}

/** What anomalies score below. */
function limitOf({ model, scored }) {
  return model.threshold == null ? "the threshold of their key" : `${shown(scored[0].threshold)} nats`;
}

function draw() {
  if (!result || byId("result").hidden) return;
  // Each key may have its own threshold: the scores are then drawn relative to it.
  const own = result.model.threshold == null;
  const scores = result.scored.map((row) => (own ? row.score - row.threshold : row.score));
  const title = own ? "score less the threshold of the key, in nats" : "score in nats; higher is more normal";
  const threshold = own ? 0 : result.scored[0].threshold;
  byId("chart").replaceChildren(histogram(scores, threshold, byId("chart").clientWidth, title));
}

function list() {
  const { scored } = result;
  const order = scored.map((_, index) => index)
    .filter((index) => !byId("only").checked || scored[index].is_anomaly)
    .sort((a, b) => scored[a].score - scored[b].score);
  byId("rows").replaceChildren(...order.slice(0, nShown).flatMap(lineOfTable));
  byId("more").hidden = order.length <= nShown;
}

function lineOfTable(index) {
  const { model, table, scored } = result;
  const row = scored[index];
  const inside = make("tr", { hidden: true });
  const button = make("button", { type: "button", "aria-expanded": "false", onclick: () => {
    if (!inside.childElementCount) inside.append(make("td", { colspan: 6 }, opened(index)));
    inside.hidden = !inside.hidden;
    button.setAttribute("aria-expanded", String(!inside.hidden));
  } }, model.image ? table.rows[index][0] : shown(index + 1));
  return [make("tr", { class: row.is_anomaly ? "odd" : "" },
    make("td", {}, button),
    make("td", { class: "number score" }, shown(row.score, 2, 2), row.is_anomaly ? make("span", { class: "hint" }, make("br"), "anomaly") : null),
    make("td", { class: "number" }, row.p_value.toPrecision(2)),
    make("td", { class: "number" }, row.severity.toFixed(1)),
    make("td", {}, model.image ? heat(row, "heat") : reasons(row)),
    model.takes_verdicts ? make("td", { class: "verdict" }, verdictsOf(index)) : null), inside];
}

const verdictsOf = (index) => verdictButtons(result.verdicts, index, (said) => sendVerdict(index, said), byId("problem"));

async function sendVerdict(index, said) {
  const { model, table } = result;
  const kept = table.names.map((_, position) => position).filter((position) => !OWN_COLUMNS.includes(table.names[position]));
  const names = [...kept.map((position) => table.names[position]), "verdict"];
  const cells = [...kept.map((position) => table.rows[index][position]), said];
  await askJson(`v1/verdicts?model=${idOf(model)}`, {
    method: "POST", headers: { "Content-Type": "text/csv" }, body: writeCsv(names, [cells]),
  });
}

const heat = (row, kind) =>
  make("img", { class: kind, src: row.heatmap, alt: `${row.file}, with a heat map of unusual regions`, loading: "lazy" });

/** A share after the nats, such as " (61 %)"; empty if it is not known. */
const percent = (share) => (share == null ? "" : ` (${Math.round(100 * share)} %)`);

function reasons(row) {
  if (!row.top_columns.length) return make("span", { class: "hint" }, "no column below its typical value");
  return row.top_columns.map(({ column, nats, share, observed, expected, unseen }) => make("span", { class: "reason" },
    make("b", {}, column === "latent" ? "unusual combination" : column), ` ${shown(nats)} nats${percent(share)}`,
    observed == null && expected == null ? null : `: ${observed ?? "missing"}${unseen ? " (never seen)" : ""}, expected ${expected ?? "missing"}`));
}

function opened(index) {
  const { model, table, scored } = result;
  if (model.image) return heat(scored[index], "heat large");
  const named = new Set(scored[index].top_columns.map((reason) => reason.column));
  return make("dl", { class: "cells" }, table.names.map((name, position) =>
    make("div", { class: named.has(name) ? "named" : "" },
      make("dt", {}, name), make("dd", {}, table.rows[index][position] || "–"))));
}

function download() {
  const { table, scored } = result;
  const names = [...table.names, "score", "p_value", "severity", "is_anomaly", "threshold", "top_columns"];
  const rows = scored.map((row, index) => [...table.rows[index], row.score, row.p_value, row.severity,
    row.is_anomaly, row.threshold, (row.top_columns ?? []).map(({ column, nats, share }) => `${column}:${nats.toFixed(1)}${percent(share)}`).join(";")]);
  const url = URL.createObjectURL(new Blob([writeCsv(names, rows)], { type: "text/csv" }));
  make("a", { href: url, download: "scored.csv" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

// ------------------------------------------------------------------------------------------- wiring

/** An event handler that shows its errors. */
const safely = (action) => async (event) => {
  try {
    await action(event);
  } catch (error) {
    showProblem(byId("problem"), error);
  }
};

function wire() {
  byId("model").onchange = safely(choose);
  byId("score").onclick = safely(scoreNow);
  byId("example").onclick = safely(showExample);
  byId("choose").onclick = () => byId("files").click();
  byId("stop").onclick = () => stopper.abort();
  byId("files").onchange = safely(async ({ target }) => {
    const files = [...target.files];
    target.value = "";
    if (files.length) await take(files);
  });
  byId("only").onchange = () => { nShown = SHOWN; list(); };
  byId("more").onclick = () => { nShown += SHOWN; list(); };
  byId("download").onclick = download;
  addEventListener("resize", draw);
  for (const kind of ["dragover", "dragleave", "drop"]) {
    addEventListener(kind, safely(async (event) => {
      event.preventDefault();
      byId("drop").classList.toggle("over", kind === "dragover");
      if (kind === "drop" && event.dataTransfer.files.length) location.hash = "score", await take([...event.dataTransfer.files]);
    }));
  }
}

wire();
safely(begin)();
