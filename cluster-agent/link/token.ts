import { z } from 'zod';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';

/** What a join token holds: who may join, the secret, and the hub pinned by its CA's hash. */
export interface JoinTicket {
  readonly cluster: string;
  readonly secret: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  /** SHA-256 of the DER of the hub's link CA, hex. */
  readonly caHash: string;
  /** host:port of each hub replica's join listener. */
  readonly joinEndpoints: readonly string[];
}

const prefix = 'isthmus-join.v1.';

const shape = z.object({
  cluster: z.string().min(1),
  secret: z.string().min(16),
  expiresAt: z.number(),
  caHash: z.string().regex(/^[0-9a-f]{64}$/),
  joinEndpoints: z.array(z.string().regex(/^.+:\d+$/)).min(1),
});

/** Reads a token as `isthmus token` printed it. The error says what is wrong with it, never what is in it. */
export function readJoinToken(text: string): Result<JoinTicket, string> {
  const trimmed = text.trim();
  if (!trimmed.startsWith(prefix)) return err(`a join token begins with ${prefix}: was it copied whole?`);
  try {
    const parsed = shape.safeParse(
      JSON.parse(Buffer.from(trimmed.slice(prefix.length), 'base64url').toString()),
    );
    return parsed.success ? ok(parsed.data) : err('the join token is incomplete: was it copied whole?');
  } catch {
    return err('the join token is damaged: was it copied whole?');
  }
}
