import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import type { WorkloadIssuer } from '../ca/issuer.ts';
import type { HubLinks } from './hub-links.ts';
import { dialled, movedTo } from './addresses.ts';
import { saveLinkIdentity, type LinkIdentity } from './identity.ts';
import type { Due, DueWork } from '../publish/due-times.ts';
import { UntilWritten, type Unsaved } from '../state/until-written.ts';
import { linkIsDueAt, renewLink } from './renewal.ts';

interface Deps {
  readonly link: Pick<HubLinks, 'connected' | 'synced' | 'signIntermediate' | 'renew' | 'reachAt'>;
  readonly issuer: Pick<
    WorkloadIssuer,
    'wantsNext' | 'wantsNextAt' | 'hasCurrent' | 'keyIds' | 'prepare' | 'activate' | 'giveUp'
  >;
  /** The other replicas take what the one that leads has renewed. */
  readonly leads: () => boolean;
  /** Key ids of the intermediates that the hub lets sign. */
  readonly activated: () => ReadonlySet<string>;
  /** All intermediates as the hub has sent them, by key id. */
  readonly intermediates: () => ReadonlyMap<string, { readonly revoked: boolean }>;
  readonly stateDir: string;
  /** The link's identity was written to the state folder. */
  readonly onSaved: () => void;
  /** It could not be, and is to be tried again. */
  readonly onUnsaved: () => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What the hub has just signed may come later on the stream than in its answer. */
const patience = 5000;
/** While something is to be asked for it is looked at this often: the link may be down. */
const lookMillis = 1000;

/** What only the hub renews: the link's own certificate and the cluster's intermediate. One request of each at a time. */
export class Renewals implements DueWork, Unsaved {
  readonly name = 'renewals';
  readonly #deps: Deps;
  #identity: LinkIdentity;
  /** Epoch milliseconds. */
  #linkIsDueAt: number;
  /** Monotonic milliseconds. */
  #lookedAt = -Infinity;
  readonly #asking = new Set<string>();
  readonly #saved: UntilWritten;
  /** Since when the hub is known not to know an intermediate, monotonic. */
  readonly #unknownSince = new Map<string, number>();

  constructor(identity: LinkIdentity, deps: Deps) {
    this.#identity = identity;
    this.#linkIsDueAt = linkIsDueAt(identity);
    this.#deps = deps;
    this.#saved = new UntilWritten(
      () => this.#write(),
      (error) => {
        deps.log.error({ error }, 'the identity of the link is not saved; it will be tried again');
        deps.onUnsaved();
      },
    );
  }

  /**
   * Gives up what the hub revoked or does not know, as after a revocation and a new join; asks for what is due. What
   * fails is asked for again at the next look.
   */
  look(): void {
    this.#lookedAt = this.#deps.clock.monotonic();
    this.#giveUp();
    this.#ask();
  }

  /** The hub is reached at these addresses now; none: it does not know. The connection that is open goes on. */
  hubIsAt(endpoints: readonly string[]): void {
    const { link, leads, log } = this.#deps;
    const moved = movedTo(this.#identity, endpoints);
    if (!moved) return;
    this.#identity = moved;
    link.reachAt(dialled(moved));
    log.info({ endpoints }, 'the hub is reached at these addresses now');
    // The replica that leads writes for all; the others have it from the hub, or from what they keep of it.
    if (leads()) this.save();
  }

  nextDue(): Due {
    const { issuer, clock } = this.#deps;
    const wall = Math.min(issuer.wantsNextAt, this.#linkIsDueAt);
    const isPending = this.#asking.size > 0 || this.#unknownSince.size > 0 || wall <= clock.now();
    return isPending ? { monotonic: this.#lookedAt + lookMillis } : { wall };
  }

  run(): void {
    this.look();
  }

  /** Another replica has had the link's certificate renewed. */
  take(identity: LinkIdentity): void {
    this.#identity = identity;
    this.#linkIsDueAt = linkIsDueAt(identity);
  }

  #giveUp(): void {
    const { link, issuer, intermediates, clock, log } = this.#deps;
    const now = clock.monotonic();
    for (const keyId of issuer.keyIds) {
      const known = intermediates().get(keyId);
      if (known || !link.synced) this.#unknownSince.delete(keyId);
      else if (!this.#unknownSince.has(keyId)) this.#unknownSince.set(keyId, now);
      const isUnknown = now - (this.#unknownSince.get(keyId) ?? now) >= patience;
      if (!known?.revoked && !isUnknown) continue;
      issuer.giveUp(keyId);
      this.#unknownSince.delete(keyId);
      const why = known?.revoked ? 'was revoked' : 'is unknown to the hub';
      log.warn({ keyId }, `the intermediate of this cluster ${why}: the hub is asked for another`);
    }
  }

  #ask(): void {
    const { link, leads, issuer, activated, clock } = this.#deps;
    if (!link.connected || !leads()) return;
    if (issuer.wantsNext)
      this.#once('the hub has not signed the intermediate; it will be asked again', async () => {
        await issuer.prepare((csr) => link.signIntermediate(csr, !issuer.hasCurrent));
        issuer.activate(activated());
      });
    if (this.#linkIsDueAt <= clock.now())
      this.#once('the link certificate was not renewed; it will be tried again', async () => {
        // What is known of the hub may change while it answers.
        const renewed = await renewLink(link);
        this.#identity = { ...this.#identity, ...renewed };
        this.save();
        this.#linkIsDueAt = linkIsDueAt(this.#identity);
      });
  }

  get isUnsaved(): boolean {
    return this.#saved.isUnsaved;
  }

  get unsaved(): string | undefined {
    return this.#saved.unsaved;
  }

  /** What cannot be written is used all the same. */
  save(): void {
    this.#saved.save();
  }

  #write(): void {
    const { stateDir, random, onSaved } = this.#deps;
    saveLinkIdentity(stateDir, this.#identity, random);
    onSaved();
  }

  #once(failure: string, ask: () => Promise<void>): void {
    if (this.#asking.has(failure)) return;
    this.#asking.add(failure);
    ask()
      .catch((error: unknown) => this.#deps.log.warn({ error: String(error) }, failure))
      .finally(() => this.#asking.delete(failure));
  }
}
