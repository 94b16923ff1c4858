import { z } from 'zod';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import { keptFiles, sealedFiles, type KeptData } from './kept.ts';

/** The Secret as it was last seen. */
export interface SeenSecret {
  readonly resourceVersion: string;
  readonly data: KeptData;
  /** Labels and annotations that others have put there, which stay. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

const shape = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string() }),
  data: z.record(z.string(), z.string()).nullish(),
});

const kept: ReadonlySet<string> = new Set(keptFiles);

/** Keys that are none of ours are left out. The error says what is wrong with the object, never what is in it. */
export function readSecret(object: unknown): Result<SeenSecret, string> {
  const read = shape.safeParse(object);
  if (!read.success)
    return err(`it is no Secret: ${read.error.issues[0]?.path.join('.') ?? 'the object'} is not as expected`);
  const { metadata, data } = read.data;
  return ok({
    metadata,
    resourceVersion: metadata.resourceVersion,
    data: new Map(Object.entries(data ?? {}).filter(([name]) => kept.has(name))),
  });
}

/** Keys that are none of ours are taken away: the Secret is the agent's, and has a bound of 1 MiB. */
export const secretOf = (
  { name, namespace }: { readonly name: string; readonly namespace: string },
  data: KeptData,
  seen: SeenSecret | undefined,
): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: seen?.metadata ?? {
    name,
    namespace,
    labels: { 'app.kubernetes.io/managed-by': 'isthmus-agent' },
  },
  type: 'Opaque',
  data: Object.fromEntries(data),
});

/**
 * What makes the files of a Secret useless, as after a manual edit. Files that can be made again without a loss
 * are not looked at: their readers set them aside.
 */
export function faultIn(data: KeptData): string | undefined {
  const sealed = [...sealedFiles].filter((name) => data.has(name));
  const key = data.get('sealing-key');
  if (key === undefined)
    return sealed.length === 0
      ? undefined
      : `it has ${sealed.join(', ')}, and no sealing-key that opens them`;
  if (bytesOf(key).length !== 32) return 'sealing-key is not 32 bytes';
  for (const name of ['link.json', 'intermediate.json']) {
    const content = data.get(name);
    if (content !== undefined && !isJson(bytesOf(content).toString())) return `${name} is damaged`;
  }
  return undefined;
}

const bytesOf = (content: string): Buffer => Buffer.from(content, 'base64');

function isJson(text: string): boolean {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
}
