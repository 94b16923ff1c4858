import { WireType } from '@bufbuild/protobuf/wire';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import type { DeltaResponse, Resource } from '@isthmus/mesh/delta/messages.ts';
import { DeltaDiscoveryResponseSchema, ResourceSchema } from '../gen/upstream/discovery_pb.js';

/** Every field here has a number below 16, so that its tag is one byte. */
const tagOf = ({ number }: { readonly number: number }): number => (number << 3) | WireType.LengthDelimited;

const response = DeltaDiscoveryResponseSchema.field;
const tags = {
  systemVersion: tagOf(response.systemVersionInfo),
  resources: tagOf(response.resources),
  type: tagOf(response.typeUrl),
  nonce: tagOf(response.nonce),
  removed: tagOf(response.removedResources),
  version: tagOf(ResourceSchema.field.version),
  any: tagOf(ResourceSchema.field.resource),
  name: tagOf(ResourceSchema.field.name),
  anyType: tagOf(AnySchema.field.typeUrl),
  anyValue: tagOf(AnySchema.field.value),
};

/** Bytes of one resource, of its parts and of all. */
interface Sizes {
  readonly version: number;
  readonly any: number;
  readonly name: number;
  readonly all: number;
}

/**
 * A DeltaDiscoveryResponse, byte for byte as the schema encodes it, in one pass over its resources: a first sync has tens
 * of thousands, and each proxy gets them in a message of its own.
 */
export function responseBytes(systemVersion: string, of: DeltaResponse): Uint8Array {
  const type = Buffer.from(of.type);
  const sizes = of.resources.map((one) => sizesOf(one, type.length));
  const [version, nonce] = [Buffer.byteLength(systemVersion), Buffer.byteLength(of.nonce)];
  let size = optional(version) + optional(type.length) + optional(nonce);
  for (const { all } of sizes) size += field(all);
  for (const name of of.removed) size += field(Buffer.byteLength(name));
  const bytes = new Bytes(size);
  bytes.text(tags.systemVersion, systemVersion, version);
  for (const [i, resource] of of.resources.entries()) {
    const its = sizes[i];
    if (its) writeResource(bytes, resource, its, type);
  }
  bytes.optional(tags.type, type);
  bytes.text(tags.nonce, of.nonce, nonce);
  for (const name of of.removed) bytes.field(tags.removed, Buffer.from(name));
  return bytes.all;
}

function sizesOf({ name, version, body }: Resource, typeLength: number): Sizes {
  const [versionLength, nameLength] = [Buffer.byteLength(version), Buffer.byteLength(name)];
  const any = optional(typeLength) + optional(body.length);
  const all = optional(versionLength) + field(any) + optional(nameLength);
  return { version: versionLength, any, name: nameLength, all };
}

function writeResource(bytes: Bytes, { name, version, body }: Resource, sizes: Sizes, type: Buffer): void {
  bytes.head(tags.resources, sizes.all);
  bytes.text(tags.version, version, sizes.version);
  bytes.head(tags.any, sizes.any);
  bytes.optional(tags.anyType, type);
  bytes.optional(tags.anyValue, body);
  bytes.text(tags.name, name, sizes.name);
}

/** Bytes of a field with so many bytes in it. */
const field = (length: number): number => 1 + varintSize(length) + length;

/** The same of one that is left out when it is empty. */
const optional = (length: number): number => (length === 0 ? 0 : field(length));

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) size++;
  return size;
}

/** Bytes that are written from the first to the last. */
class Bytes {
  readonly all: Buffer;
  #at = 0;

  constructor(size: number) {
    this.all = Buffer.allocUnsafe(size);
  }

  /** What begins a field with so many bytes in it. */
  head(tag: number, length: number): void {
    this.all[this.#at++] = tag;
    let rest = length;
    for (; rest > 0x7f; rest >>>= 7) this.all[this.#at++] = (rest & 0x7f) | 0x80;
    this.all[this.#at++] = rest;
  }

  field(tag: number, value: Uint8Array): void {
    this.head(tag, value.length);
    this.all.set(value, this.#at);
    this.#at += value.length;
  }

  optional(tag: number, value: Uint8Array): void {
    if (value.length > 0) this.field(tag, value);
  }

  /** Left out when it is empty. `length`: of its UTF-8. */
  text(tag: number, value: string, length: number): void {
    if (length === 0) return;
    this.head(tag, length);
    this.#at += this.all.write(value, this.#at, length);
  }
}
