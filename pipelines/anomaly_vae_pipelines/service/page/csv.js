// CSV (RFC 4180) read and written; cells copied from a spreadsheet, or parted by semicolons, are read too.

/** The line of names and the rows of a text, and the line on which each row begins. */
export function parseCsv(text) {
  text = text.replace(/^\uFEFF/, "");
  const mark = delimiterOf(text);
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
    else if (char === mark) { cells.push(cell); cell = ""; }
    else if (char === "\n") { finish(); begin = line; }
    else if (char !== "\r" || text[i + 1] !== "\n") cell += char;
  }
  if (inQuotes) throw new Error(`Line ${begin}: a quote is opened and never closed.`);
  if (cell !== "" || cells.length) finish();
  if (!records.length) throw new Error("There is nothing to score yet. Paste rows, the line of names first.");
  const names = records.shift().map((name) => name.trim());
  lines.shift();
  if (!records.length) throw new Error("There is a line of names, and no row below it.");
  const wrong = records.findIndex((record) => record.length !== names.length);
  if (wrong >= 0) {
    const [found, wanted] = [records[wrong].length, names.length];
    throw new Error(`Line ${lines[wrong]}: has ${found} cells, and the line of names has ${wanted}.`);
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

/** What parts the names: the most frequent of comma, tab and semicolon, outside of quotes. */
function delimiterOf(text) {
  const head = text.split("\n", 1)[0].replace(/"[^"]*"/g, "");
  const count = (mark) => head.split(mark).length;
  return [",", "\t", ";"].reduce((best, mark) => (count(mark) > count(best) ? mark : best));
}
