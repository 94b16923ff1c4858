import { lookup } from 'node:dns/promises';
import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { advertisedOutside, type Advertised } from './advertised.ts';
import type { Outside } from './outside.ts';
import type { Resolve } from './resolved-names.ts';
import { ServiceOutside, type ObjectName } from './service-outside.ts';

/** The Service before the hub, in the cluster where both are. */
export interface OutsideService extends ObjectName {
  readonly server: Pick<ApiServer, 'list' | 'watch'>;
  /** As this machine resolves names, unless said otherwise. */
  readonly resolve?: Resolve;
}

interface Options extends Advertised {
  /** Undefined: what is advertised, or listened on. */
  readonly outsideService: OutsideService | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const bySystem: Resolve = async (name) => (await lookup(name, { all: true })).map(({ address }) => address);

/** Where the hub is reached, known until the signal aborts. Throws ADVERTISE for an address that cannot be dialled. */
export function startOutside(options: Options, signal: AbortSignal): Outside {
  const { outsideService: service, clock, random, log } = options;
  if (!service) return advertisedOutside(options);
  const { server, resolve = bySystem } = service;
  const outside = new ServiceOutside({ server, service, resolve, clock, random, log });
  outside.run(signal).catch((error: unknown) => {
    log.error(
      { error: String(error) },
      'the Service before the hub is no longer followed: start the hub again',
    );
  });
  return outside;
}
