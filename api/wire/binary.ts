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

/** REFUSE is for messages whose meaning a field that is not known here may narrow: a policy without it would open. */
export type UnknownFields = 'IGNORE' | 'REFUSE';

export function decodeMessage<D extends DescMessage, T>(
  schema: D,
  bytes: Uint8Array,
  read: (message: MessageShape<D>, fields: Fields) => T,
  unknown: UnknownFields = 'IGNORE',
): Result<T, string> {
  const fields = new Fields();
  const message = parseMessage(schema, bytes, unknown);
  if (!message.ok) return message;
  if (unknown === 'REFUSE') refuseUnknown('', message.value, fields);
  const value = read(message.value, fields);
  return fields.problem === undefined ? ok(value) : err(fields.problem);
}

/** The message as it came, of which nothing is checked yet. */
export function parseMessage<D extends DescMessage>(
  schema: D,
  bytes: Uint8Array,
  unknown: UnknownFields,
): Result<MessageShape<D>, string> {
  try {
    return ok(fromBinary(schema, bytes, { readUnknownFields: unknown === 'REFUSE' }));
  } catch (cause) {
    return err(`not a ${schema.typeName}: ${cause instanceof Error ? cause.message : 'undecodable'}`);
  }
}

/** Refuses what the message, or one in it, has beside the fields that are known here. `at` '': the message itself. */
export function refuseUnknown(at: string, message: object, fields: Fields): void {
  for (const [field, value] of Object.entries(message) as [string, unknown][])
    if (field === '$unknown') {
      const [first] = value as readonly { readonly no: number }[];
      if (first)
        fields.refuse(
          at === '' ? 'the message' : at,
          `has the field number ${first.no}, which is not known here`,
        );
    } else if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array))
      refuseUnknown(
        Array.isArray(message) ? `${at}[${field}]` : at === '' ? field : `${at}.${field}`,
        value,
        fields,
      );
}

export const codec = <D extends DescMessage, T>(
  schema: D,
  write: (value: T) => MessageInitShape<D>,
  read: (message: MessageShape<D>, fields: Fields) => T,
  unknown: UnknownFields = 'IGNORE',
): Codec<T> => ({
  encode: (value) => encodeMessage(schema, write(value)),
  decode: (bytes) => decodeMessage(schema, bytes, read, unknown),
});

/** The version of a resource: a hash of its bytes, so that it survives restarts of either side. 16 hex digits. */
export const contentVersion = (bytes: Uint8Array): string =>
  // Of a longer text a part would keep all of it in memory.
  createHash('sha256').update(bytes).digest().toString('hex', 0, 8);

/** A map of the wire with its keys in order. */
export const sortedRecord = <V>(entries: Iterable<readonly [string, V]>): Record<string, V> =>
  Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
