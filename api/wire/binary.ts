import { createHash } from 'node:crypto';
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import { Fields } from './fields.ts';

/** Turns one kind of record into bytes and back. Decoding never throws; its error names the field. */
export interface Codec<T> {
  readonly encode: (value: T) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => Result<T, string>;
}

/**
 * Fields go out in the order of their numbers. Maps go out in insertion order, so every encoder sorts them: the same
 * record always gives the same bytes.
 */
export const encodeMessage = <D extends DescMessage>(schema: D, message: MessageInitShape<D>): Uint8Array =>
  toBinary(schema, create(schema, message), { writeUnknownFields: false });

export function decodeMessage<D extends DescMessage, T>(
  schema: D,
  bytes: Uint8Array,
  read: (message: MessageShape<D>, fields: Fields) => T,
): Result<T, string> {
  const fields = new Fields();
  let message: MessageShape<D>;
  try {
    message = fromBinary(schema, bytes, { readUnknownFields: false });
  } catch (cause) {
    return err(`not a ${schema.typeName}: ${cause instanceof Error ? cause.message : 'undecodable'}`);
  }
  const value = read(message, fields);
  return fields.problem === undefined ? ok(value) : err(fields.problem);
}

export const codec = <D extends DescMessage, T>(
  schema: D,
  write: (value: T) => MessageInitShape<D>,
  read: (message: MessageShape<D>, fields: Fields) => T,
): Codec<T> => ({
  encode: (value) => encodeMessage(schema, write(value)),
  decode: (bytes) => decodeMessage(schema, bytes, read),
});

/** The version of a resource: a hash of its bytes, so that it survives restarts of either side. 16 hex digits. */
export const contentVersion = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex').slice(0, 16);

/** A map of the wire with its keys in order. */
export const sortedRecord = <V>(entries: Iterable<readonly [string, V]>): Record<string, V> =>
  Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
