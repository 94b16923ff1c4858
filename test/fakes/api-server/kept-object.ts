/** An object as the double keeps it: JSON with metadata. */
export interface KeptObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: KeptMetadata;
  readonly [field: string]: unknown;
}

export interface KeptMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly managedFields?: readonly ManagedFields[];
  readonly [field: string]: unknown;
}

/** The fields that a manager has applied to an object or to its status: JSON of each path. */
export interface ManagedFields {
  readonly manager: string;
  readonly subresource: string;
  readonly paths: readonly string[];
}

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
