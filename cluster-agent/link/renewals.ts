import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import type { WorkloadIssuer } from '../ca/issuer.ts';
import type { LinkClient } from './client.ts';
import type { LinkIdentity } from './identity.ts';
import { linkIsDue, renewLink } from './renewal.ts';

interface Deps {
  readonly link: Pick<LinkClient, 'connected' | 'signIntermediate' | 'renew'>;
  readonly issuer: Pick<WorkloadIssuer, 'wantsNext' | 'prepare' | 'activate'>;
  /** Key ids of the intermediates that the hub lets sign. */
  readonly activated: () => ReadonlySet<string>;
  readonly stateDir: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What only the hub renews: the link's own certificate and the cluster's intermediate. One request of each at a time. */
export class Renewals {
  readonly #deps: Deps;
  #identity: LinkIdentity;
  readonly #asking = new Set<string>();

  constructor(identity: LinkIdentity, deps: Deps) {
    this.#identity = identity;
    this.#deps = deps;
  }

  /** Asks for what is due; what fails is asked for again at the next look. */
  look(): void {
    const { link, issuer, activated, stateDir, clock, random } = this.#deps;
    if (!link.connected) return;
    if (issuer.wantsNext)
      this.#once('the hub has not signed the intermediate; it will be asked again', async () => {
        await issuer.prepare((csr) => link.signIntermediate(csr));
        issuer.activate(activated());
      });
    if (linkIsDue(this.#identity, clock.now()))
      this.#once('the link certificate was not renewed; it will be tried again', async () => {
        this.#identity = await renewLink(link, this.#identity, stateDir, random);
      });
  }

  #once(failure: string, ask: () => Promise<void>): void {
    if (this.#asking.has(failure)) return;
    this.#asking.add(failure);
    ask()
      .catch((error: unknown) => this.#deps.log.warn({ error: String(error) }, failure))
      .finally(() => this.#asking.delete(failure));
  }
}
