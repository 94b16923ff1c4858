/** A resource of the hub as it is kept: the length of its version, 2 bytes, big-endian, the version, and its bytes. */
export function encodeKept(version: string, body: Uint8Array): Uint8Array {
  const text = Buffer.from(version);
  const kept = Buffer.allocUnsafe(2 + text.length + body.length);
  kept.writeUInt16BE(text.length, 0);
  kept.set(text, 2);
  kept.set(body, 2 + text.length);
  return kept;
}

/** Undefined for what was not written by `encodeKept`. */
export function decodeKept(
  kept: Uint8Array,
): { readonly version: string; readonly body: Uint8Array } | undefined {
  const bytes = Buffer.from(kept.buffer, kept.byteOffset, kept.byteLength);
  const end = bytes.length < 2 ? Infinity : 2 + bytes.readUInt16BE(0);
  if (bytes.length < end) return undefined;
  return { version: bytes.toString('utf8', 2, end), body: bytes.subarray(end) };
}
