import type { HealthSource } from './health-source.ts';
import type { TranslateInput } from '../translate/input.ts';
import type { Publisher } from './publisher.ts';

interface Deps {
  readonly input: Pick<TranslateInput, 'derived' | 'view'>;
  readonly publisher: Pick<Publisher, 'snapshot'>;
  readonly proxies: { readonly connected: number };
}

/** What health reports say of the cluster. */
export const heartbeat = ({ input: { derived, view }, publisher, proxies }: Deps): HealthSource => ({
  // Before the first snapshot pods have not been listed, or their proxies not been looked at.
  get isListed() {
    return publisher.snapshot !== undefined;
  },
  get pulse() {
    return { proxiesConnected: proxies.connected, workloads: publisher.snapshot ? view.podCount : 0 };
  },
  all: () => derived.health(),
  of: (service) => derived.healthOf(service),
});
