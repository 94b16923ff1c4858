/** Bytes before the question of a message (RFC 1035 4.1.1). */
export const headerBytes = 12;

/** Where a record of a message lies, and what it is. */
export interface RecordPlace {
  readonly start: number;
  readonly end: number;
  readonly type: number;
  /** Of the root, as that of an OPT is. */
  readonly isOfRoot: boolean;
  /** Of the fixed part: class, TTL, length and data follow it. */
  readonly typeAt: number;
}

/** Where everything in a message lies. */
export interface Layout {
  /** Just behind the questions. */
  readonly questionsEnd: number;
  readonly answers: readonly RecordPlace[];
  readonly authorities: readonly RecordPlace[];
  readonly additionals: readonly RecordPlace[];
}

const typeClassBytes = 4;
/** Type, class, TTL and the length of the data. */
const fixedBytes = 10;

/**
 * Finds questions and records without reading what is in them: one pass over the bytes, however many records a message
 * says that it has. Undefined where one is not whole, or bytes are left over.
 */
export function layoutOf(bytes: Buffer): Layout | undefined {
  if (bytes.length < headerBytes) return undefined;
  let at = headerBytes;
  for (let left = bytes.readUInt16BE(4); left > 0; left--) {
    // A pointer there could only lead into the header, whose id changes when the message is forwarded.
    const end = nameEnd(bytes, at, false);
    if (end === undefined || end + typeClassBytes > bytes.length) return undefined;
    at = end + typeClassBytes;
  }
  const questionsEnd = at;
  const sections = [6, 8, 10].map((countAt) => {
    const found = recordsAt(bytes, at, bytes.readUInt16BE(countAt));
    at = found?.at(-1)?.end ?? at;
    return found;
  });
  const [answers, authorities, additionals] = sections;
  if (!answers || !authorities || !additionals || at !== bytes.length) return undefined;
  return { questionsEnd, answers, authorities, additionals };
}

/** Each takes at least eleven bytes, so no count makes more of them than there are bytes. */
function recordsAt(bytes: Buffer, start: number, count: number): readonly RecordPlace[] | undefined {
  const found: RecordPlace[] = [];
  for (let at = start; found.length < count;) {
    const typeAt = nameEnd(bytes, at, true);
    if (typeAt === undefined || typeAt + fixedBytes > bytes.length) return undefined;
    const end = typeAt + fixedBytes + bytes.readUInt16BE(typeAt + 8);
    if (end > bytes.length) return undefined;
    found.push({ start: at, end, type: bytes.readUInt16BE(typeAt), isOfRoot: typeAt === at + 1, typeAt });
    at = end;
  }
  return found;
}

const maxNameBytes = 255;

/** Just behind the name that begins there. A pointer ends it: where that leads is not looked at. */
function nameEnd(bytes: Buffer, start: number, mayPoint: boolean): number | undefined {
  for (let at = start; at < bytes.length && at - start < maxNameBytes;) {
    const length = bytes[at] ?? 0;
    if (length === 0) return at + 1;
    if (length >= 0xc0) return mayPoint && at + 2 <= bytes.length ? at + 2 : undefined;
    if (length > 63) return undefined;
    at += length + 1;
  }
  return undefined;
}
