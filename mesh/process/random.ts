import { randomBytes, randomUUID } from 'node:crypto';

/** Randomness, injected: balancing and jitter use `fraction`, serial numbers and tokens use `bytes`. */
export interface Random {
  /** Uniform in [0, 1). */
  fraction(): number;
  bytes(length: number): Buffer;
  /** A fresh UUID, version 4. */
  id(): string;
}

export const systemRandom: Random = {
  fraction: () => Math.random(),
  bytes: (length) => randomBytes(length),
  id: () => randomUUID(),
};
