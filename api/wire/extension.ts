import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import type { Extension } from '../gen/upstream/workload_pb.js';
import type { Fields } from './fields.ts';

/** What Isthmus adds within Istio's messages; a proxy that does not know it never reads it. */
export const extensionNames = { workload: 'isthmus.io/workload', service: 'isthmus.io/service' } as const;

const prefix = 'type.googleapis.com/';

export const writeExtension = <D extends DescMessage>(
  name: string,
  schema: D,
  message: MessageInitShape<D>,
) => ({
  name,
  config: { typeUrl: prefix + schema.typeName, value: toBinary(schema, create(schema, message)) },
});

/** Undefined when there is no extension of this name; extensions of other names are ignored. */
export function readExtension<D extends DescMessage>(
  extensions: readonly Extension[],
  name: string,
  schema: D,
  fields: Fields,
): MessageShape<D> | undefined {
  const at = extensions.findIndex((extension) => extension.name === name);
  const config = extensions[at]?.config;
  if (at < 0) return undefined;
  const field = `extensions[${at}]`;
  try {
    if (config?.typeUrl === prefix + schema.typeName)
      return fromBinary(schema, config.value, { readUnknownFields: false });
    fields.refuse(field, `holds no ${schema.typeName}`);
  } catch {
    fields.refuse(field, `is not a ${schema.typeName}`);
  }
  return undefined;
}
