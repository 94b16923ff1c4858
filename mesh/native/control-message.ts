// Descriptors beside a packet (cmsg(3), SCM_RIGHTS): length (8 bytes), level (4), type (4), then a descriptor in 4 bytes each.
// Linux only, little-endian, 64 bits.

const headerBytes = 16;
const [solSocket, scmRights] = [1, 1];

/** Most descriptors of one packet that are received; ZDS sends one. */
export const maxDescriptors = 16;
/** Room for them. */
export const controlBytes = headerBytes + 4 * maxDescriptors;

const aligned = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/** The control part of a packet that carries descriptors. */
export function descriptorBytes(descriptors: readonly number[]): Buffer {
  const length = headerBytes + 4 * descriptors.length;
  const bytes = Buffer.alloc(aligned(length));
  bytes.writeBigUInt64LE(BigInt(length), 0);
  bytes.writeInt32LE(solSocket, 8);
  bytes.writeInt32LE(scmRights, 12);
  for (const [index, one] of descriptors.entries()) bytes.writeInt32LE(one, headerBytes + 4 * index);
  return bytes;
}

/** All descriptors of all messages; what is no such message, or is cut off, gives those that are whole. */
export function descriptorsOf(control: Buffer): readonly number[] {
  const found: number[] = [];
  for (let at = 0; at + headerBytes <= control.length;) {
    const length = Number(control.readBigUInt64LE(at));
    if (length < headerBytes) break;
    if (control.readInt32LE(at + 8) === solSocket && control.readInt32LE(at + 12) === scmRights)
      for (let one = at + headerBytes; one + 4 <= Math.min(at + length, control.length); one += 4)
        found.push(control.readInt32LE(one));
    at += aligned(length);
  }
  return found;
}
