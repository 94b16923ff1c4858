import type { ServiceKey } from '@isthmus/api/domain/names.ts';
import { callUnary } from '@isthmus/api/grpc/call.ts';
import { Certificates } from '@isthmus/api/grpc/certificates.ts';
import { linkService } from '@isthmus/api/grpc/services.ts';
import { dialled } from './addresses.ts';
import { HubLink } from './hub-link.ts';
import type { LinkIdentity } from './identity.ts';
import type { LinkDeps, LinkShared } from './link-deps.ts';
import { healthStream } from './streams/health.ts';
import { syncStream } from './streams/sync.ts';
import { targets, viewSource, type LinkState } from './targets.ts';

/** For the answer to a request of a certificate, milliseconds. */
const signingTime = 10_000;

/**
 * The agent's side of the link: `want` connections to replicas of the hub, one as long as a hub has none. All carry
 * reports, health and questions; the hub's view and certificates come from one of them, and from another when that ends.
 */
export class HubLinks {
  readonly #shared: LinkShared;
  readonly #certificates: Certificates;
  readonly #links: readonly HubLink[];

  constructor(deps: LinkDeps, want = 1) {
    const { identity, clock } = deps;
    this.#certificates = new Certificates(identity, identity.ca);
    this.#shared = { deps, systemVersion: { epoch: BigInt(clock.now()), revision: 0n }, received: {} };
    this.#links = targets(dialled(identity), want).map(
      (target) => new HubLink(target, this.#shared, this.#certificates, () => this.#choose()),
    );
    this.#choose();
  }

  /** Those of the link, which are renewed while it runs. */
  get certificates(): Certificates {
    return this.#certificates;
  }

  /** The hub has been heard on the connection from which its view is taken. */
  get connected(): boolean {
    return this.#source?.state.heard ?? false;
  }

  /** The hub has sent everything on the connection that is open now: what it has not sent is not there. */
  get synced(): boolean {
    return this.#source?.state.synced ?? false;
  }

  /** Resources that came down since the start, by type: what a reconnect costs. */
  get received(): Readonly<Record<string, number>> {
    return this.#shared.received;
  }

  get states(): readonly LinkState[] {
    return this.#links.map(({ state }) => state);
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#links.map((link) => link.run(signal)));
  }

  /** These reports of a type that goes up have changed, or any of it. */
  changed(type: string, names?: readonly string[]): void {
    this.#shared.systemVersion.revision++;
    for (const { session } of this.#links) session?.stream(syncStream)?.changed(type, names);
  }

  /** This replica leads from now on, or no longer. One that leads reports everything from scratch. */
  roleChanged(): void {
    for (const link of this.#links) link.reopen('this replica has another role now');
  }

  /** The hub's view was taken from another replica: the hub is asked for what differs from that, once it is there. */
  viewTaken(): void {
    for (const link of this.#links) link.reopen('the view of the hub was taken from another replica');
  }

  /** The hub is dialled at these addresses from now on; connections that are open go on. */
  reachAt(endpoints: readonly string[]): void {
    for (const [i, target] of targets(endpoints, this.#links.length).entries())
      this.#links[i]?.reachAt(target);
  }

  /** The endpoint counts of these services are others now; undefined: those of any; none: something else of health. */
  healthChanged(services?: readonly ServiceKey[]): void {
    for (const { session } of this.#links) session?.stream(healthStream)?.changed(services);
  }

  /** Has the agent's own certificate renewed; new connections of the link show it at once. Resolves with it, PEM. */
  async renew(key: string, csr: string): Promise<{ chain: string; ca: string }> {
    const answer = await this.#ask((client, deadline) =>
      callUnary(client, linkService.renewLink, { linkCsr: csr }, { deadline }),
    );
    const renewed = { chain: answer.linkChain.join(''), ca: answer.linkCa };
    this.#certificates.setIdentity({ key, chain: renewed.chain });
    this.#certificates.setCa(renewed.ca);
    return renewed;
  }

  /** Another replica has had the certificate renewed; PEM. */
  take({ key, chain, ca }: Pick<LinkIdentity, 'key' | 'chain' | 'ca'>): void {
    this.#certificates.setIdentity({ key, chain });
    this.#certificates.setCa(ca);
  }

  async signIntermediate(csr: string, urgent = false): Promise<{ chain: readonly string[]; keyId: string }> {
    return this.#ask((client, deadline) =>
      callUnary(client, linkService.signIntermediate, { csr, urgent }, { deadline }),
    );
  }

  /** Throws HUB_UNREACHABLE. */
  #ask<A>(ask: (client: HubLink['client'], deadline: Date) => Promise<A>): Promise<A> {
    const client = (this.#source ?? this.#links[0])?.client;
    if (!client) throw new Error('an agent has a link');
    return ask(client, new Date(this.#shared.deps.clock.now() + signingTime));
  }

  get #source(): HubLink | undefined {
    return this.#links.find(({ state }) => state.isSource);
  }

  #choose(): void {
    const source = viewSource(this.#links.map(({ state }) => state));
    for (const [i, link] of this.#links.entries()) if (i !== source) link.setSource(false);
    this.#links[source]?.setSource(true);
  }
}
