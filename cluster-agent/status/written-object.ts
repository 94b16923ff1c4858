import { z } from 'zod';
import type { Resource } from '@isthmus/api/kube/api-server.ts';
import { readConditions, type Written } from './condition-list.ts';

/** Who the API says has written what an agent writes. Its removal knows the agent's writes by it. */
export const fieldManager = 'isthmus-agent';

/** On objects that the agent has made. */
export const ownLabels = { 'app.kubernetes.io/managed-by': fieldManager } as const;

/** An object that the agent writes, or writes into. */
export interface Target {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** An object as the API has it, with what matters to a writer. */
export interface Current {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly conditions: readonly Written[];
  /** The whole object. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** What people have to know of an object, beside what is written into it: a Warning, in an Event. */
export interface Note {
  /** CamelCase, stable. */
  readonly reason: string;
  readonly message: string;
}

/** One write. */
export type Write =
  /** Server-side apply of what stands in `object` beside its kind and name. */
  | {
      readonly how: 'APPLY';
      readonly subresource: '' | 'status';
      readonly object: object;
      readonly mayBeMissing?: true;
      readonly note?: Note;
    }
  | { readonly how: 'REMOVE' };

/** What the agent says by means of an object. */
export interface Statement {
  /** In the version that is taken where it is served. */
  readonly resource: Resource;
  readonly olderVersions: readonly string[];
  /** What has to be written so that the API says it; nothing when it does. Undefined: there is no such object. */
  writes(current: Current | undefined, version: string): readonly Write[];
  /** The API has all of it now. */
  written?(): void;
}

const texts = z.record(z.string(), z.string()).catch({});

const schema = z.looseObject({
  metadata: z.looseObject({
    uid: z.string().catch(''),
    resourceVersion: z.string().catch(''),
    generation: z.int().optional().catch(undefined),
    labels: texts.optional(),
    annotations: texts.optional(),
  }),
  status: z.looseObject({}).optional().catch(undefined),
});

/** Undefined: it is no object of Kubernetes. */
export function readCurrent(raw: unknown): Current | undefined {
  const read = schema.safeParse(raw);
  if (!read.success) return undefined;
  const { metadata, status } = read.data;
  return {
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    generation: metadata.generation,
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
    conditions: readConditions(status?.['conditions']),
    raw: read.data,
  };
}
