import SchemaBuilder from '@pothos/core';
import { GraphQLError } from 'graphql';
import type { RequestContext } from './context.ts';

/** What the schema's types rest on: times are epoch milliseconds inside, ISO 8601 outside. */
interface Types {
  Context: RequestContext;
  DefaultFieldNullability: false;
  Scalars: {
    DateTime: { Input: number; Output: number };
    ID: { Input: string; Output: string };
    JSON: { Input: unknown; Output: unknown };
  };
}

/** The one builder: every file beside adds its types and fields to it, schema.ts lists them. */
export const builder = new SchemaBuilder<Types>({ defaultFieldNullability: false });

/**
 * Of a list of records: the list is there, and an element that cannot be shown is null with an error of its own, so
 * that one bad record of one cluster hides no other.
 */
export const elements = { list: false, items: true } as const;

export type ApiTypes = typeof builder.$inferSchemaTypes;

builder.queryType({});
builder.mutationType({});
builder.subscriptionType({});

builder.scalarType('DateTime', {
  description: 'ISO 8601 timestamp in UTC, e.g. 2030-01-31T03:00:00Z.',
  serialize: (millis) => new Date(millis).toISOString(),
  parseValue(text) {
    const millis = typeof text === 'string' ? Date.parse(text) : NaN;
    if (Number.isNaN(millis))
      throw new GraphQLError(`${JSON.stringify(text)} is not an ISO 8601 time, e.g. 2030-01-31T03:00:00Z`, {
        extensions: { code: 'INVALID' },
      });
    return millis;
  },
});

builder.scalarType('JSON', {
  description: 'Any JSON value, for what has no fixed shape. Output only.',
  serialize: (value) => value,
  parseValue() {
    throw new GraphQLError('JSON is not a type of an input', { extensions: { code: 'INVALID' } });
  },
});
