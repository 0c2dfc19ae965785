// Reads and writes CSV (RFC 4180). Also reads cells copied from a spreadsheet, and semicolons as separators.

/** The text of a file in UTF-8. */
export async function readText(file) {
  const bytes = await file.arrayBuffer();
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`${file.name} is not in UTF-8. Save it as CSV in UTF-8.`);
  }
}

/** The header and the rows of a text, and the number of the line on which each row begins. */
export function parseCsv(text) {
  text = text.replace(/^\uFEFF/, "");
  const delimiter = delimiterOf(text);
  const records = [], lines = [];
  let cells = [], cell = "", inQuotes = false, line = 1, begin = 1;
  const finish = () => {
    cells.push(cell);
    if (cells.length > 1 || cells[0] !== "") {
      records.push(cells);
      lines.push(begin);
    }
    cells = [];
    cell = "";
  };
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === "\n") line++;
    if (inQuotes) {
      if (char !== '"') cell += char;
      else if (text[i + 1] === '"') { cell += '"'; i++; }
      else inQuotes = false;
    } else if (char === '"' && cell === "") inQuotes = true;
    else if (char === delimiter) { cells.push(cell); cell = ""; }
    else if (char === "\n") { finish(); begin = line; }
    else if (char !== "\r" || text[i + 1] !== "\n") cell += char;
  }
  if (inQuotes) throw new Error(`Line ${begin}: a quote is opened and never closed.`);
  if (cell !== "" || cells.length) finish();
  if (!records.length) throw new Error("There is nothing to score yet. Paste rows, starting with a header line.");
  const names = records.shift().map((name) => name.trim());
  lines.shift();
  if (!records.length) throw new Error("There is a header line, and no row below it.");
  const wrong = records.findIndex((record) => record.length !== names.length);
  if (wrong >= 0) {
    const [found, wanted] = [records[wrong].length, names.length];
    throw new Error(`Line ${lines[wrong]}: has ${found} cells, and the header line has ${wanted}.`);
  }
  return { names, rows: records, lines };
}

export function writeCsv(names, rows) {
  return [names, ...rows].map((cells) => cells.map(quoted).join(",") + "\n").join("");
}

function quoted(cell) {
  const text = String(cell ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The separator: the most frequent of comma, tab and semicolon in the header, outside of quotes. */
function delimiterOf(text) {
  const head = text.split("\n", 1)[0].replace(/"[^"]*"/g, "");
  const count = (one) => head.split(one).length;
  return [",", "\t", ";"].reduce((best, one) => (count(one) > count(best) ? one : best));
}
