import { formatSubject, type SubjectType } from '@isthmus/api/domain/names.ts';
import type { Applied } from '@isthmus/api/domain/report.ts';
import * as wire from '@isthmus/api/wire/link.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import type { HubStore } from '../link/hub-store.ts';
import { serviceKeyNamed } from '../keys/names.ts';
import type { Touched } from '../keys/touched.ts';
import type { Delta, Subscriber } from '../publish/delta.ts';
import type { Publisher } from '../publish/publisher.ts';
import type { ReportStore } from '../publish/report-store.ts';
import type { ClusterSnapshot } from '../translate/snapshot.ts';
import type { ProxyClient } from '../xds/proxy-client.ts';
import type { AppliedEvent, XdsServer } from '../xds/server.ts';
import { trafficShiftReport, intermediateReport, unreadReport } from './applied.ts';
import { coveredByHub } from './covered-policy.ts';
import { answeredOf, namesOf, touchedOf } from './policy-coverage-keys.ts';
import type { PolicyCoverage } from './policy-coverage.ts';

interface Deps {
  readonly hub: Pick<HubStore, 'view' | 'version' | 'refused'>;
  readonly policies: PolicyCoverage;
  readonly streams: () => Pick<XdsServer, 'coverage' | 'outstanding' | 'isComplete'>;
  readonly publisher: () => Pick<Publisher, 'isSettled' | 'areWithdrawalsSettled' | 'snapshot'>;
  readonly store: ReportStore;
  /** Runs something in this turn of the event loop, after what is running. */
  readonly turn: (run: () => void) => unknown;
}

/**
 * Reports how far each policy, intermediate and traffic shift of the hub has come among the proxies here. What is published
 * and what proxies answer says which of them to look at again; all of one turn of the event loop is one report.
 */
export class AppliedReports implements Subscriber {
  readonly #deps: Deps;
  /** What is to be reported again, by type and name. What the hub has just sent waits until all of it is published. */
  readonly #due: Readonly<Record<SubjectType, Set<string>>> = {
    policy: new Set(),
    intermediate: new Set(),
    diversion: new Set(),
  };
  /** Ids of proxies that have received everything once. */
  readonly #complete = new Set<string>();
  #isAsked = false;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** After proxies have it. */
  published({ keys }: Delta): void {
    for (const key of keys) this.#takeHub(key);
    for (const key of keys) this.#take(key);
    this.#report();
  }

  opened(client: ProxyClient): void {
    this.#proxies(client);
  }

  lost(client: ProxyClient): void {
    this.#complete.delete(client.id);
    this.#proxies(client);
  }

  /** A proxy has answered. Of a first sync nothing is looked at by name, unless a policy is watched. */
  answered(event: AppliedEvent): void {
    const { client, type } = event;
    answeredOf(this.#deps.policies, event);
    if (type === typeUrls.intermediate) for (const name of namesOf(event)) this.#due.intermediate.add(name);
    if (type === typeUrls.address) this.#lookAtAll('diversion');
    if (!this.#complete.has(client.id) && this.#deps.streams().isComplete(client.id)) {
      this.#complete.add(client.id);
      this.#lookAtAll('intermediate');
      this.#lookAtAll('diversion');
    }
    this.#ask();
  }

  #proxies({ id }: ProxyClient): void {
    this.#deps.policies.proxyTouched(id);
    this.#lookAtAll('intermediate');
    this.#lookAtAll('diversion');
    this.#ask();
  }

  #takeHub(key: Touched): void {
    const { hub } = this.#deps;
    if (key.kind === 'synced') {
      for (const name of hub.view.policies.keys()) this.#takePolicy(name);
      for (const name of hub.refused('policy').keys()) this.#due.policy.add(name);
      this.#lookAtAll('intermediate');
      this.#lookAtAll('diversion');
    }
    if (key.kind !== 'hub') return;
    if (key.type === 'policy') this.#takePolicy(key.name);
    else if (key.type === 'intermediate' || key.type === 'diversion') this.#due[key.type].add(key.name);
  }

  #takePolicy(name: string): void {
    const { hub, policies } = this.#deps;
    const version = hub.version('policy', name);
    // Without a version there is only what stands in for it.
    const policy = version === undefined ? undefined : hub.view.policies.get(name);
    policies.setPolicy(name, policy && coveredByHub(policy), version ?? '');
    this.#due.policy.add(name);
  }

  #take(key: Touched): void {
    touchedOf(this.#deps.policies, key);
    if (key.kind !== 'resource') return;
    if (key.type === typeUrls.intermediate) this.#due.intermediate.add(key.name);
    if (key.type === typeUrls.address) this.#lookAtAll('diversion');
  }

  #lookAtAll(type: 'intermediate' | 'diversion'): void {
    const { view } = this.#deps.hub;
    const all = type === 'intermediate' ? view.intermediates : view.trafficShifts;
    if (this.#due[type].size < all.size) for (const name of all.keys()) this.#due[type].add(name);
  }

  #ask(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#deps.turn(() => {
      this.#isAsked = false;
      this.#report();
    });
  }

  #report(): void {
    const { policies, store } = this.#deps;
    const { snapshot } = this.#deps.publisher();
    if (!snapshot) return;
    store.begin('applied');
    for (const name of policies.differing) this.#due.policy.add(name);
    for (const [type, names] of Object.entries(this.#due) as [SubjectType, Set<string>][])
      for (const name of names) {
        if (!this.#isSettled(type, name)) continue;
        names.delete(name);
        const report = this.#reportOf(type, name, snapshot);
        store.set('applied', formatSubject(type, name), report, wire.appliedReport.encode);
      }
  }

  /** All that it reaches is published. A traffic shift reaches the pods of a service by the service's withdrawal. */
  #isSettled(type: SubjectType, name: string): boolean {
    const { hub } = this.#deps;
    const publisher = this.#deps.publisher();
    if (!publisher.isSettled({ kind: 'hub', type, name })) return false;
    const shift = type === 'diversion' ? hub.view.trafficShifts.get(name) : undefined;
    if (!shift) return true;
    // Without names it is of all services, of which there may be tens of thousands.
    if (shift.services.length === 0) return publisher.areWithdrawalsSettled;
    return shift.services.every((named) =>
      publisher.isSettled({ kind: 'withdrawal', service: serviceKeyNamed(named) }),
    );
  }

  /** Undefined: the hub has taken it back. */
  #reportOf(type: SubjectType, name: string, snapshot: ClusterSnapshot): Applied | undefined {
    const { hub, policies, streams } = this.#deps;
    const version = hub.version(type, name) ?? '';
    switch (type) {
      case 'policy': {
        const report = policies.takeReport(name);
        const refused = hub.refused('policy').get(name);
        return refused ? unreadReport(name, refused) : report;
      }
      case 'intermediate':
        return hub.view.intermediates.has(name)
          ? intermediateReport(name, version, streams().coverage(typeUrls.intermediate, name))
          : undefined;
      case 'diversion': {
        const shift = hub.view.trafficShifts.get(name);
        return shift && trafficShiftReport(shift, version, snapshot, streams().outstanding(typeUrls.address));
      }
    }
  }
}
