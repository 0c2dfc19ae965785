// The page: a model and a CSV file in, scored rows out, without a server.

import { parseCsv, readText, writeCsv } from "./csv.js";
import { byId, make, shown, showProblem } from "./dom.js";
import { Model } from "./model.js";

const SHOWN = 100;

let model = null;
let result = null;
let nShown = SHOWN;

const showStatus = (text) => { byId("status").textContent = text; };
const percent = (share) => `(${Math.round(100 * share)} %)`;

async function take(files) {
  showProblem(byId("problem"), null);
  const isModel = (file) => file.name.endsWith(".onnx");
  for (const file of files.filter(isModel)) await open(file);
  const tables = files.filter((file) => !isModel(file));
  if (tables.length > 1) throw new Error("Drop one CSV file at a time.");
  if (tables.length) await score(tables[0]);
}

async function open(file) {
  [model, result] = [null, null];
  byId("result").hidden = true;
  byId("choose-rows").disabled = true;
  showStatus("Loading the model …");
  try {
    model = await Model.open(new Uint8Array(await file.arrayBuffer()), byId("runtime").value);
  } finally {
    showStatus("");
  }
  const { columns, threshold, false_alarm_rate: rate } = model.metadata;
  byId("about").textContent = [
    file.name,
    `reads ${columns.filter((column) => column.input != null).length} columns`,
    `threshold ${shown(threshold)} nats`,
    rate == null ? null : `false alarms ${shown(100 * rate)} % of normal rows`,
  ].filter(Boolean).join(" · ");
  byId("choose-rows").disabled = false;
}

async function score(file) {
  if (!model) throw new Error("There is no model yet. Choose or drop a file that anomaly-vae export wrote.");
  byId("result").hidden = true;
  const table = parseCsv(await readText(file));
  try {
    const scored = await model.score(table, (n) => showStatus(`Scored ${shown(n)} of ${shown(table.rows.length)} …`));
    show({ name: file.name, table, scored });
  } finally {
    showStatus("");
  }
}

function show(found) {
  result = found;
  nShown = SHOWN;
  const { name, scored } = found;
  const n = scored.filter((row) => row.is_anomaly).length;
  byId("summary").textContent =
    `${shown(n)} of ${shown(scored.length)} rows of ${name} ${n === 1 ? "is an anomaly" : "are anomalies"} ` +
    `(${shown((100 * n) / scored.length)}\u00a0%).`;
  byId("result").hidden = false;
  list();
}

function list() {
  const { scored } = result;
  const order = scored.map((_, index) => index)
    .sort((a, b) => scored[b].severity - scored[a].severity || scored[a].score - scored[b].score);
  byId("rows").replaceChildren(...order.slice(0, nShown).map(lineOfTable));
  byId("more").hidden = order.length <= nShown;
}

function lineOfTable(index) {
  const row = result.scored[index];
  return make("tr", { class: row.is_anomaly ? "odd" : "" },
    make("td", {}, String(result.table.lines[index])),
    make("td", { class: "number score" }, shown(row.score, 2, 2)),
    make("td", { class: "number" }, row.p_value.toPrecision(2)),
    make("td", { class: "number" }, row.severity.toFixed(1)),
    make("td", {}, row.top_columns.map((reason) => reasonLine(reason, index))));
}

function reasonLine({ column, nats, share }, index) {
  const { names, rows } = result.table;
  const cell = names.includes(column) ? `: ${rows[index][names.indexOf(column)] || "missing"}` : "";
  return make("span", { class: "reason" },
    make("b", {}, column === "latent" ? "unusual combination" : column), ` ${shown(nats)} nats ${percent(share)}${cell}`);
}

function download() {
  const { table, scored } = result;
  const names = [...table.names, "score", "p_value", "severity", "is_anomaly", "top_columns"];
  const rows = scored.map((row, index) => [...table.rows[index], row.score, row.p_value, row.severity, row.is_anomaly,
    row.top_columns.map(({ column, nats, share }) => `${column}:${nats.toFixed(1)} ${percent(share)}`).join(";")]);
  const url = URL.createObjectURL(new Blob([writeCsv(names, rows)], { type: "text/csv" }));
  make("a", { href: url, download: "scored.csv" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** An event handler that shows its errors. */
const safely = (action) => async (event) => {
  try {
    await action(event);
  } catch (error) {
    showProblem(byId("problem"), error);
  }
};

function wire() {
  byId("choose-model").onclick = () => byId("model").click();
  byId("choose-rows").onclick = () => byId("files").click();
  for (const id of ["model", "files"]) {
    byId(id).onchange = safely(async ({ target }) => {
      const files = [...target.files];
      target.value = "";
      await take(files);
    });
  }
  byId("more").onclick = () => { nShown += SHOWN; list(); };
  byId("download").onclick = download;
  for (const kind of ["dragover", "dragleave", "drop"]) {
    addEventListener(kind, safely(async (event) => {
      event.preventDefault();
      byId("drop").classList.toggle("over", kind === "dragover");
      if (kind === "drop") await take([...event.dataTransfer.files]);
    }));
  }
}

wire();
