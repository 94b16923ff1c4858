import type { HealthReport } from '@isthmus/api/domain/report.ts';
import type { TranslateInput } from '../translate/input.ts';
import { healthReport } from '../translate/report.ts';
import type { Publisher } from './publisher.ts';

interface Deps {
  readonly input: TranslateInput;
  readonly publisher: Pick<Publisher, 'snapshot'>;
  readonly proxies: { readonly connected: number };
}

/** What a heartbeat says of the cluster. */
export const heartbeat =
  ({ input, publisher, proxies }: Deps) =>
  (): Omit<HealthReport, 'sequence' | 'sentAt' | 'unreadable'> => ({
    // Before the first snapshot pods have not been listed, or their proxies not been looked at.
    ...(publisher.snapshot ? healthReport(input) : unlisted),
    proxiesConnected: proxies.connected,
  });

const unlisted = { services: [], workloads: 0, partial: true };
