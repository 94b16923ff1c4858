import type { Log } from '@isthmus/mesh/process/log.ts';
import type { StateFile } from './state-file.ts';

/**
 * The epoch of this start of the agent, which proxies compare: later than that of every start before, also when the
 * clock was set back meanwhile, and than that of an agent whose file was lost, by the clock. Epoch milliseconds.
 */
export function ownEpoch(file: StateFile, now: number, log: Log): bigint {
  const before = BigInt(file.read(isSaved)?.epoch ?? 0);
  const epoch = before >= BigInt(now) ? before + 1n : BigInt(now);
  try {
    file.write({ epoch: String(epoch) });
  } catch (error) {
    log.error({ error: String(error) }, 'the epoch of this start is not saved');
  }
  return epoch;
}

const isSaved = (value: unknown): value is { readonly epoch: string } =>
  typeof value === 'object' &&
  value !== null &&
  'epoch' in value &&
  typeof value.epoch === 'string' &&
  /^\d{1,19}$/.test(value.epoch);
