import { objectId } from '@isthmus/api/kubernetes/objects.ts';
import { policyKey } from '../keys/names.ts';
import type { Touched } from '../keys/touched.ts';
import type { Delta, Subscriber } from '../publish/delta.ts';
import type { Publisher } from '../publish/publisher.ts';
import type { ProxyClient } from '../xds/proxy-client.ts';
import type { ProxyFollower } from '../xds/follower.ts';
import type { AppliedEvent } from '../xds/server.ts';
import { covered, policiesTouched, type OwnPolicy, type OwnWorld } from './own-policies.ts';
import { answeredOf, touchedOf } from './policy-coverage-keys.ts';
import type { PolicyCoverage } from './policy-coverage.ts';
import type { Progress } from './watched-policy.ts';

interface Deps {
  readonly world: OwnWorld;
  /** Its policies are named by the ids of their objects. */
  readonly policies: PolicyCoverage;
  readonly publisher: () => Pick<Publisher, 'isSettled' | 'snapshot'>;
  /** How far these have come may be another answer now. */
  readonly onDiffering: (ids: Iterable<string>) => void;
  /** Runs something in this turn of the event loop, after what is running. */
  readonly turn: (run: () => void) => unknown;
}

/** Follows how far the cluster's own security policies have come among its proxies. */
export class OwnCoverage implements Subscriber, ProxyFollower {
  readonly #deps: Deps;
  /** Policies of which it was said that they are being published. */
  readonly #unsettled = new Map<string, OwnPolicy>();
  #isAsked = false;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** After proxies have it. */
  published({ keys }: Delta): void {
    const { world, policies } = this.#deps;
    const touched = new Map<string, OwnPolicy>();
    for (const policy of policiesTouched(keys, world))
      touched.set(objectId(policy.kind, policy.metadata), policy);
    for (const id of touched.keys()) this.#set(id);
    for (const key of keys) touchedOf(policies, key);
    this.#tell();
  }

  opened(client: ProxyClient): void {
    this.#deps.policies.proxyTouched(client.id);
    this.#ask();
  }

  lost(client: ProxyClient): void {
    this.#deps.policies.proxyTouched(client.id);
    this.#ask();
  }

  answered(event: AppliedEvent): void {
    answeredOf(this.#deps.policies, event);
    this.#ask();
  }

  /** How far a policy has come. IN_PROGRESS: it is being published. Undefined: it is nothing to an L4 proxy. */
  progress(policy: OwnPolicy): Progress | 'IN_PROGRESS' | undefined {
    const { publisher, policies } = this.#deps;
    const id = objectId(policy.kind, policy.metadata);
    const progress = policies.takeProgress(id);
    if (!progress || publisher().isSettled(keyOf(policy))) return progress;
    this.#unsettled.set(id, policy);
    return 'IN_PROGRESS';
  }

  #set(id: string): void {
    const { world, policies } = this.#deps;
    const policy = world.view.byId(id);
    const isThere = policy?.kind === 'AuthorizationPolicy' || policy?.kind === 'PeerAuthentication';
    const version = isThere ? String(policy.metadata.generation ?? '') : '';
    policies.setPolicy(id, isThere ? covered(policy, world) : undefined, version);
  }

  #ask(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#deps.turn(() => {
      this.#isAsked = false;
      this.#tell();
    });
  }

  #tell(): void {
    const { policies, publisher, onDiffering } = this.#deps;
    const differing = new Set(policies.differing);
    for (const id of differing) policies.takeProgress(id);
    for (const [id, policy] of this.#unsettled)
      if (publisher().isSettled(keyOf(policy))) {
        this.#unsettled.delete(id);
        differing.add(id);
      }
    if (differing.size > 0) onDiffering(differing);
  }
}

const keyOf = ({ kind, metadata }: OwnPolicy): Touched =>
  kind === 'AuthorizationPolicy'
    ? { kind: 'authorization', policy: policyKey(metadata) }
    : { kind: 'peers', namespace: metadata.namespace };
