// Elements made of text: what a user entered is never interpreted as HTML.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null));
  return element;
}

export const make = (tag, attributes = {}, ...children) =>
  filled(document.createElement(tag), attributes, children);

export const makeSvg = (tag, attributes = {}, ...children) =>
  filled(document.createElementNS(SVG, tag), attributes, children);

/** A formatted number: minus sign, thousands separators, at most `digits` and at least `least` decimals. */
export function shown(number, digits = 1, least = 0) {
  const places = { maximumFractionDigits: digits, minimumFractionDigits: least };
  return number.toLocaleString("en", places).replace("-", "−");
}

/** The threshold of a model, as text. */
export function thresholdOf({ threshold }) {
  return threshold == null ? "a threshold for each key" : `threshold ${shown(threshold)} nats`;
}

/** Show the message of an error, with the rows that it names. */
export function showProblem(element, error) {
  element.replaceChildren();
  element.hidden = !error;
  if (!error) return;
  element.append(error.message);
  if (error.rows?.length) {
    element.append(make("ul", {}, error.rows.map((row) => make("li", {}, row))));
  }
}
