// Anomalies over time by model, or by a column of theirs: one line per value.

import { byId, make, makeSvg, shown } from "./dom.js";

const MOST = 8, WIDTH = 300, HEIGHT = 24;

let anomalies = [];

/** The columns whose cells can name a group: identifiers first, then all that hold text. */
function columns() {
  const ids = new Set(), texts = new Set();
  for (const one of anomalies) {
    Object.keys(one.ids).forEach((name) => ids.add(name));
    Object.entries(one.cells).forEach(([name, cell]) => ["string", "boolean"].includes(typeof cell) && texts.add(name));
  }
  return [...new Set([...ids, ...texts])];
}

const valueOf = (one, column) => String((column ? one.cells[column] : one.model) ?? "–");

/** Show recent anomalies, newest first, by what is selected. */
export function showGroups(recent) {
  anomalies = recent;
  byId("groups").hidden = !anomalies.length;
  const select = byId("group-column"), chosen = select.value;
  const names = ["", ...columns()];
  if (names.join() !== [...select.options].map((option) => option.value).join()) {
    select.replaceChildren(...names.map((name) => make("option", { value: name, selected: name === chosen }, name || "model")));
  }
  draw();
}

function draw() {
  const groups = new Map();
  const column = byId("group-column").value;
  for (const one of anomalies) {
    if (column && !(column in one.cells)) continue;
    const value = valueOf(one, column);
    groups.set(value, [...(groups.get(value) ?? []), one]);
  }
  const worst = (group) => group.reduce((most, one) => Math.max(most, one.severity), 0);
  const order = [...groups].sort(([, a], [, b]) => b.length - a.length || worst(b) - worst(a));
  const times = anomalies.map((one) => one.time);
  const first = Math.min(...times), seconds = Math.max(...times) - first;
  byId("group-rows").replaceChildren(...order.slice(0, MOST).map(([value, group]) => make("tr", {},
    make("th", { scope: "row" }, value),
    make("td", { class: "number" }, shown(group.length)),
    make("td", { class: "number" }, shown(worst(group), 1, 1)),
    make("td", { class: "strip" }, strip(group, first, seconds)))));
  const rest = order.length > MOST ? `; ${shown(order.length - MOST)} more values are not shown` : "";
  byId("group-note").textContent = seconds
    ? `Height is severity, from ${date(first)} (left) to ${date(first + seconds)} (right)${rest}.`
    : `All at ${date(first)}${rest}.`;
}

const date = (seconds) => new Date(1000 * seconds).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });

/** One bar per anomaly at its time, as high as its severity. */
function strip(group, first, seconds) {
  const x = (one) => (seconds ? ((one.time - first) / seconds) * (WIDTH - 3) : WIDTH - 3);
  const height = (one) => Math.max(2, (one.severity / 100) * HEIGHT);
  return makeSvg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    makeSvg("line", { class: "axis", x1: 0, x2: WIDTH, y1: HEIGHT - 0.5, y2: HEIGHT - 0.5 }),
    ...group.map((one) => makeSvg("rect", { class: "odd", x: x(one), y: HEIGHT - height(one), width: 2, height: height(one) })));
}

byId("group-column").onchange = draw;
