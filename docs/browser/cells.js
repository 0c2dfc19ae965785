// Cells of a CSV file as inputs of an exported model, as the command line reads them.

const MISSING = new Set(["", "#N/A", "#NA", "-NaN", "-nan", "<NA>", "N/A", "NA", "NAN", "NULL", "NaN", "None", "n/a", "na", "nan", "null"]);
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const INFINITY = /^[+-]?inf(inity)?$/i;
const BOOLEANS = new Set(["true", "false", "1", "0", "1.0", "0.0"]);
const TIME = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})([.,]\d+)?)?(?:\s*(?:Z|[+-]\d{2}(?::?\d{2})?))?)?$/i;
const SHOWN_PROBLEMS = 5;

/** The cells of each column that has an input; throws an Error that names missing columns or wrong cells. */
export function readCells(columns, table) {
  const read = columns.filter((column) => column.input != null);
  const absent = read.filter((column) => !table.names.includes(column.name)).map((column) => column.name);
  if (absent.length) throw new Error(`The file has no column ${absent.join(", ")}, which the model reads.`);
  const problems = [];
  const cells = read.map((column) => readColumn(column, table, problems));
  if (problems.length) {
    const rows = problems.sort((a, b) => a.line - b.line).slice(0, SHOWN_PROBLEMS).map((problem) => problem.words);
    throw Object.assign(new Error(`${problems.length} cells cannot be read, and nothing was scored:`), { rows });
  }
  return read.map((column, k) => ({ ...column, cells: cells[k] }));
}

function readColumn(column, table, problems) {
  const position = table.names.indexOf(column.name);
  const reader = READERS[column.kind] ?? (column.type === "double" ? number : (text) => text);
  return table.rows.map((row, k) => {
    const text = row[position];
    if (MISSING.has(text.trim())) return column.type === "double" ? NaN : "";
    try {
      return reader(text);
    } catch (error) {
      const line = table.lines[k];
      problems.push({ line, words: `Line ${line}, column ${column.name}: wanted ${error.message}, got "${text}"` });
      return null;
    }
  });
}

export function number(text) {
  const cell = text.trim();
  if (NUMBER.test(cell)) return Number(cell);
  if (INFINITY.test(cell)) return cell.startsWith("-") ? -Infinity : Infinity;
  throw new Error("a number");
}

function boolean(text) {
  if (BOOLEANS.has(text.toLowerCase())) return text;
  throw new Error("true or false");
}

/** Seconds since 1970 in local time: an offset from UTC is left out. */
export function seconds(text) {
  const parts = TIME.exec(text.trim());
  if (parts) {
    const [year, month, day, hour, minute, second] = parts.slice(1, 7).map((part) => Number(part ?? 0));
    const time = new Date(0);
    time.setUTCFullYear(year, month - 1, day);
    if (time.getUTCDate() === day && month >= 1 && month <= 12 && hour < 24 && minute < 60 && second < 60) {
      const fraction = Number(`0${parts[7]?.replace(",", ".") ?? ""}`);
      return time.getTime() / 1000 + 3600 * hour + 60 * minute + second + fraction;
    }
  }
  throw new Error("a date and time such as 2026-01-31T12:00:00");
}

const READERS = { boolean, datetime: seconds };
