/** HTTP/2 frames as bytes, well-formed or not (RFC 9113 section 4.1): an attacker keeps no rules. */
export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flags = { ack: 1, endStream: 1, endHeaders: 4 } as const;

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

const nothing = Buffer.alloc(0);

export function frame(type: number, flag: number, stream: number, payload: Buffer = nothing): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flag;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** Pairs of a setting's identifier and its value (RFC 9113 section 6.5.1). */
export const settings = (...pairs: readonly (readonly [id: number, value: number])[]): Buffer =>
  frame(
    frameTypes.settings,
    0,
    0,
    Buffer.concat(pairs.flatMap(([id, value]) => [Buffer.of(id >> 8, id & 255), uint32(value)])),
  );

export const data = (stream: number, payload?: Buffer, flag = 0): Buffer =>
  frame(frameTypes.data, flag, stream, payload);

export const reset = (stream: number, code = 8): Buffer =>
  frame(frameTypes.rstStream, 0, stream, uint32(code));

export const windowUpdate = (stream: number, increment: number): Buffer =>
  frame(frameTypes.windowUpdate, 0, stream, uint32(increment));

/** Makes `stream` depend on `on`. */
export const priority = (stream: number, on: number): Buffer =>
  frame(frameTypes.priority, 0, stream, Buffer.concat([uint32(on), Buffer.of(15)]));

export const ping = (): Buffer => frame(frameTypes.ping, 0, 0, Buffer.alloc(8, 7));

/** A HEADERS frame that holds the whole block. */
export const headers = (stream: number, block: Buffer, flag: number = flags.endHeaders): Buffer =>
  frame(frameTypes.headers, flag, stream, block);
