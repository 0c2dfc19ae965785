// Drift by column: which columns of recent rows differ from those that the model was calibrated on.

import { make, shown } from "./dom.js";

const NAMED = 3, LEAST = 200;

const nameOf = ({ column }) => (column === "latent" ? "unusual combination" : column);
const number = (text) => make("td", { class: "number" }, text ?? "–");
const percent = (share) => `${shown(100 * share)}\u00a0%`;

/** An element, and a function that fills it; the list of columns stays open or closed. */
export function driftOfColumns() {
  const note = make("p", { class: "hint" });
  const summary = make("summary");
  const lines = make("tbody");
  const details = make("details", { class: "drift" }, summary,
    make("div", { class: "wide", tabindex: 0, role: "group", "aria-label": "Columns that drifted" }, make("table", { class: "counts" },
      make("thead", {}, make("tr", {}, ["Column", "Effect, 0 to 1", "p-value", "Shift, sd", "Missing (calibration)"].map((text, place) =>
        make("th", { scope: "col", class: place ? "number" : "" }, text)))),
      lines)));
  const show = ({ column_drift: drifted, column_drift_rows: rows }) => {
    note.hidden = rows === null || Boolean(drifted?.length);
    details.hidden = !drifted?.length;
    if (!note.hidden) {
      note.textContent = drifted
        ? `Drift by column: none, over ${shown(rows)} of the latest rows.`
        : `Drift by column: not known of ${shown(rows)} rows; ${LEAST} are enough.`;
    }
    if (details.hidden) return;
    const more = drifted.length > NAMED ? ` and ${drifted.length - NAMED} more` : "";
    summary.textContent = `Drift by column: ${drifted.slice(0, NAMED).map(nameOf).join(", ")}${more}, over ${shown(rows)} of the latest rows.`;
    lines.replaceChildren(...drifted.map(line));
  };
  return { element: make("div", {}, note, details), show };
}

function line(one) {
  const p = one.p_value;
  return make("tr", {},
    make("th", { scope: "row" }, nameOf(one)),
    number(one.effect === null ? null : shown(one.effect, 2, 2)),
    number(p === null ? null : p < 1e-4 ? "< 0.0001" : p.toPrecision(2)),
    number(one.shift === null ? null : shown(one.shift, 1, 1)),
    number(one.missing === null ? null : `${percent(one.missing)} (${percent(one.calibration_missing)})`));
}
