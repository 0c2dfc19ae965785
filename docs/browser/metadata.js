// The metadata of an ONNX model, read from its bytes: onnxruntime-web does not give them.

const METADATA = 14, KEY = 1, VALUE = 2;
const VARINT = 0, EIGHT_BYTES = 1, LENGTH = 2, FOUR_BYTES = 5;

/** The metadata that `anomaly-vae export` wrote, by name; throws an Error for any other file. */
export function readMetadata(bytes) {
  const found = {};
  try {
    for (const { number, content } of fields(bytes)) {
      if (number !== METADATA) continue;
      const entry = Object.fromEntries([...fields(content)].map((field) => [field.number, text(field.content)]));
      found[entry[KEY]] = JSON.parse(entry[VALUE]);
    }
  } catch {
    throw new Error("This is not an ONNX model of anomaly-vae. Choose a file that anomaly-vae export wrote.");
  }
  if (!found.columns) throw new Error("This model has no columns in its metadata. Choose a file that anomaly-vae export wrote.");
  if (found.format !== 1) throw new Error(`This model has format ${found.format}, and this page reads format 1. Use the page of its version.`);
  return found;
}

const text = (bytes) => new TextDecoder().decode(bytes);

/** The fields of a message of Protocol Buffers: their numbers, and the bytes of those that have a length. */
function* fields(bytes) {
  let at = 0;
  const varint = () => {
    for (let value = 0, factor = 1; ; factor *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error("truncated");
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const [number, type] = [Math.floor(tag / 8), tag % 8];
    if (type === VARINT) varint();
    else if (type === EIGHT_BYTES) at += 8;
    else if (type === FOUR_BYTES) at += 4;
    else if (type === LENGTH) {
      const size = varint();
      if (at + size > bytes.length) throw new Error("truncated");
      yield { number, content: bytes.subarray(at, at + size) };
      at += size;
    } else throw new Error("not a message");
  }
}
