import { createHash } from 'node:crypto';
import { z } from 'zod';
import { isAdminToken } from './admin-token.ts';

/** The key of the Secret. */
export const tokenKey = 'token';

/** On a Secret whose token the hub wrote: the SHA-256 of that token, hex. Who puts another token there made it theirs. */
export const writtenByHub = 'isthmus.io/admin-token-of-hub';

/** What follows from a Secret: its token counts, or the hub writes its own there, or it can be neither read nor written. */
export type TokenDecision =
  | { readonly kind: 'USE'; readonly token: string }
  | { readonly kind: 'WRITE'; readonly object: object }
  | { readonly kind: 'REFUSE'; readonly problem: string; readonly remedy: string };

const shape = z.looseObject({
  metadata: z.looseObject({ annotations: z.record(z.string(), z.string()).nullish() }),
  data: z.record(z.string(), z.string()).nullish(),
});

export interface Own {
  readonly token: string;
  /** An operator wants it to replace the one that the hub wrote before. */
  readonly isNew: boolean;
}

/** The Secret to be made where there is none. */
export const newSecret = (namespace: string, name: string, token: string): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  type: 'Opaque',
  metadata: {
    namespace,
    name,
    labels: { 'app.kubernetes.io/managed-by': 'isthmus-hub', 'app.kubernetes.io/part-of': 'isthmus' },
    annotations: { [writtenByHub]: hashOf(token) },
  },
  data: { [tokenKey]: toBase64(token) },
});

/**
 * A Secret as it is in the API, and the token of the hub. One without the key gets the hub's token. One with the key counts:
 * a person made it, or the hub before its volume was lost. Only what the hub itself wrote is ever replaced, by a new token.
 */
export function decideToken(secret: unknown, own: Own): TokenDecision {
  const read = shape.safeParse(secret);
  if (!read.success)
    return {
      kind: 'REFUSE',
      problem: 'it cannot be read',
      remedy: 'look at it with kubectl get secret -o yaml',
    };
  const { metadata, data } = read.data;
  const text = data?.[tokenKey];
  const found = text === undefined ? '' : Buffer.from(text, 'base64').toString('utf8').trim();
  const isOfHub = metadata.annotations?.[writtenByHub] === hashOf(found);
  if (found === '' || (own.isNew && isOfHub && found !== own.token))
    return {
      kind: 'WRITE',
      object: {
        ...read.data,
        metadata: {
          ...metadata,
          annotations: { ...metadata.annotations, [writtenByHub]: hashOf(own.token) },
        },
        data: { ...data, [tokenKey]: toBase64(own.token) },
      },
    };
  if (isAdminToken(found)) return { kind: 'USE', token: found };
  return {
    kind: 'REFUSE',
    problem: `its key ${tokenKey} is not one word of 32 to 4096 printable characters`,
    remedy: `write such a token there, for instance of openssl rand -hex 32, or remove the key: the hub writes its own then`,
  };
}

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');
const toBase64 = (text: string): string => Buffer.from(text).toString('base64');
