// An exported model in ONNX Runtime: rows of a CSV file to scores, decisions and reasons.

import { readCells } from "./cells.js";
import { readMetadata } from "./metadata.js";

const PART_ROWS = 2000, N_REASONS = 3;

/** ONNX Runtime from a folder, with one thread, which needs no special headers of the server. */
async function runtime(folder) {
  const base = new URL(folder.endsWith("/") ? folder : `${folder}/`, document.baseURI);
  try {
    const ort = await import(new URL("ort.wasm.min.mjs", base).href);
    ort.env.wasm.wasmPaths = base.href;
    ort.env.wasm.numThreads = 1;
    return ort;
  } catch {
    throw new Error(`ONNX Runtime cannot be loaded from ${base.href}. Copy node_modules/onnxruntime-web/dist there, or enter another folder.`);
  }
}

export class Model {
  constructor(ort, session, metadata) {
    Object.assign(this, { ort, session, metadata });
  }

  /** The model with these bytes; the runtime is loaded from a folder. */
  static async open(bytes, folder) {
    const metadata = readMetadata(bytes);
    const ort = await runtime(folder);
    return new Model(ort, await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] }), metadata);
  }

  /** One result per row of a parsed CSV file; `progress` is called with the number of rows that are scored. */
  async score(table, progress = () => {}) {
    const columns = readCells(this.metadata.columns, table);
    const results = [];
    for (let begin = 0; begin < table.rows.length; begin += PART_ROWS) {
      const end = Math.min(begin + PART_ROWS, table.rows.length);
      const inputs = Object.fromEntries(columns.map((column) => [column.input, this.tensor(column, begin, end)]));
      results.push(...this.rows(await this.session.run(inputs), end - begin));
      progress(end);
    }
    return results;
  }

  tensor({ type, cells }, begin, end) {
    const part = cells.slice(begin, end), shape = [end - begin, 1];
    return type === "double"
      ? new this.ort.Tensor("float64", Float64Array.from(part), shape)
      : new this.ort.Tensor("string", part, shape);
  }

  rows(outputs, nRows) {
    const { score, p_value, severity, is_anomaly, contributions } = outputs;
    const width = this.metadata.contributions.length;
    return Array.from({ length: nRows }, (_, k) => ({
      score: score.data[k],
      p_value: p_value.data[k],
      severity: severity.data[k],
      is_anomaly: Boolean(is_anomaly.data[k]),
      top_columns: this.reasons(contributions.data.subarray(k * width, (k + 1) * width)),
    }));
  }

  /** The columns that lower the score most below their typical contributions, with their share of the shortfall. */
  reasons(contributions) {
    const { contributions: names, typical_contributions: typical } = this.metadata;
    const costs = Array.from(contributions, (nats, j) => ({ column: names[j], nats: Math.min(nats - typical[j], 0) }));
    const shortfall = costs.reduce((sum, { nats }) => sum + nats, 0);
    return costs.filter(({ nats }) => nats < 0).sort((a, b) => a.nats - b.nats).slice(0, N_REASONS)
      .map(({ column, nats }) => ({ column, nats, share: nats / shortfall }));
  }
}
