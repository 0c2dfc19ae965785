// The page at "/docs": the OpenAPI description, with examples to send.

import { ask, askJson } from "./api.js";
import { byId, make, showProblem } from "./dom.js";

const TITLES = {
  v1: "Scoring", v2: "Open Inference Protocol V2", admin: "Model repository",
  operations: "Operations",
};
const OPEN = "/v1/score";

let schemas = {};

async function begin() {
  const { paths, components } = await askJson("openapi.json");
  schemas = components?.schemas ?? {};
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })));
  const byTag = Map.groupBy
    ? Map.groupBy(operations, tagOf)
    : operations.reduce((map, one) => map.set(tagOf(one), [...(map.get(tagOf(one)) ?? []), one]), new Map());
  byId("operations").replaceChildren(...[...byTag].flatMap(([tag, found]) =>
    [make("h2", {}, TITLES[tag] ?? tag), ...found.map(shownOperation)]));
  byId("operations").hidden = false;
}

const tagOf = (operation) => operation.tags?.[0] ?? "operations";

function shownOperation(operation) {
  const { path, method, summary } = operation;
  const inside = make("div", { class: "inside" });
  const open = () => { if (!inside.childElementCount) inside.append(...details(operation)); };
  const element = make("details", { class: "operation", open: path === OPEN, ontoggle: open },
    make("summary", {}, make("b", {}, method.toUpperCase()), make("code", {}, path), make("span", { class: "hint" }, summary)),
    inside);
  if (path === OPEN) open();
  return element;
}

function details(operation) {
  const inputs = (operation.parameters ?? []).map((parameter) => ({ parameter, input: inputOf(parameter) }));
  const body = bodyOf(operation.requestBody?.content);
  const command = make("pre", { tabindex: 0, role: "group", "aria-label": "Command" });
  const answer = make("pre", { role: "status", tabindex: 0, "aria-label": "Answer", hidden: true });
  const request = () => requestOf(operation, inputs, body);
  const renew = () => { command.textContent = curl(request()); };
  const send = make("button", { type: "button", class: "main", onclick: async () => {
    send.disabled = true;
    try {
      answer.textContent = await sent(request());
    } catch (error) {
      answer.textContent = error.message;
    }
    answer.hidden = false;
    send.disabled = false;
  } }, "Send");
  const element = [
    inputs.length ? [make("h3", {}, "Parameters"), make("div", { class: "parameters" }, inputs.flatMap(({ parameter, input }) => [
      make("label", { for: input.id }, make("code", {}, parameter.name), parameter.required ? " *" : ""),
      input, make("span", { class: "hint" }, parameter.description ?? "")]))] : [],
    body ? [make("h3", {}, "Body"), body.element] : [],
    make("h3", {}, "Command"), command,
    make("div", { class: "line" }, send), answer,
    make("h3", {}, "Answers"),
    make("dl", { class: "answers" }, Object.entries(operation.responses).flatMap(([status, { description, content }]) => [
      make("dt", {}, make("code", {}, status)), make("dd", {}, described(status, description, content))])),
  ].flat();
  for (const part of element) part.addEventListener("input", renew);
  renew();
  return element;
}

const MEANINGS = {
  400: "the request cannot be read; the message says where and what was wanted", 401: "a key is required",
  403: "the key has the wrong role", 404: "unknown model or version", 408: "the request arrived too slowly",
  413: "too many bytes or rows; send it in parts", 415: "the media type is not supported",
  503: "overloaded; Retry-After says when to try again",
};

const described = (status, description, content) =>
  MEANINGS[status] ?? (outline(content?.["application/json"]?.schema) || description);

/** The fields of a response, those of lists in brackets. */
function outline(schema) {
  if (!schema) return "";
  if (schema.$ref) return outline(schemas[schema.$ref.split("/").pop()]);
  if (schema.anyOf) return outline(schema.anyOf.find((one) => one.type !== "null"));
  if (schema.type === "array") return `[${outline(schema.items)}]`;
  if (!schema.properties) return "";
  const fields = Object.entries(schema.properties).map(([name, field]) => `${name} ${outline(field)}`.trim());
  return `{${fields.join(", ")}}`;
}

let nInputs = 0;

function inputOf({ name, required, schema, ...parameter }) {
  const id = `parameter-${++nInputs}`;
  const values = schema?.enum ?? (schema?.type === "boolean" ? ["false", "true"] : null);
  const example = parameter.example ?? (name === "explain" ? "true" : required ? values?.[0] : "");
  if (!values) return make("input", { id, value: example });
  const options = required || schema.type === "boolean" ? values : ["", ...values];
  return make("select", { id }, options.map((value) => make("option", { selected: value === example }, value)));
}

/** The editable body: text of a chosen media type, or files. */
function bodyOf(content) {
  if (!content) return null;
  const kinds = Object.keys(content);
  const text = make("textarea", { rows: 10, spellcheck: "false", "aria-label": "Body" });
  const file = make("input", { type: "file", multiple: true, "aria-label": "File of the body" });
  const choice = make("select", { "aria-label": "Media type" }, kinds.map((kind) => make("option", {}, kind)));
  const isText = () => /json|csv/.test(choice.value);
  const choose = () => {
    const { example } = content[choice.value];
    text.hidden = !isText();
    file.hidden = isText();
    text.value = example == null ? "" : typeof example === "string" ? example : JSON.stringify(example, null, 1);
  };
  choice.addEventListener("input", choose);
  choose();
  return { element: make("div", {}, make("p", {}, choice), text, file), choice, text, file, isText };
}

function requestOf({ path, method }, inputs, body) {
  const query = new URLSearchParams();
  for (const { parameter, input } of inputs) {
    if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (input.value && !(parameter.schema?.type === "boolean" && input.value === "false")) query.set(parameter.name, input.value);
  }
  const url = path + (query.size ? `?${query}` : "");
  return { url, method: method.toUpperCase(), body };
}

function curl({ url, method, body }) {
  const target = new URL(url.slice(1), new URL(".", location.href)).href;
  if (!body) return `curl ${method === "GET" ? "" : `-X ${method} `}'${target}'`;
  if (body.choice.value === "multipart/form-data") return `curl '${target}' -F 'file=@part.png'`;
  const data = body.isText() && body.text.value.length <= 400 ? compact(body) : `@${fileName(body.choice.value)}`;
  return `curl '${target}' \\\n  -H 'Content-Type: ${body.choice.value}' \\\n  --data-binary '${data.replaceAll("'", "'\\''")}'`;
}

function compact({ choice, text }) {
  if (!choice.value.includes("json")) return text.value;
  try {
    return JSON.stringify(JSON.parse(text.value));
  } catch {
    return text.value;
  }
}

const fileName = (media) => `rows.${media.includes("arrow") ? "arrow" : media.split("/").pop()}`;

async function sent({ url, method, body }) {
  const options = { method };
  if (body?.isText()) {
    options.body = body.text.value;
    options.headers = { "Content-Type": body.choice.value };
  } else if (body?.choice.value === "multipart/form-data") {
    options.body = new FormData();
    for (const file of body.file.files) options.body.append("file", file, file.name);
  } else if (body) {
    options.body = body.file.files[0];
    options.headers = { "Content-Type": body.choice.value };
  }
  const answer = await ask(url.slice(1), options);
  const text = await answer.text();
  const pretty = answer.headers.get("content-type")?.includes("json") ? JSON.stringify(JSON.parse(text), null, 1) : text;
  const most = 20_000;
  return `${answer.status}\n${pretty.length > most ? `${pretty.slice(0, most)}\n… ${pretty.length - most} more characters` : pretty}`;
}

begin().catch((error) => showProblem(byId("problem"), error));
