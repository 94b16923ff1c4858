import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import type { Condition } from '@isthmus/api/domain/condition.ts';
import { parseObjectId } from '@isthmus/api/kubernetes/objects.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { OwnCoverage } from '../coverage/own-coverage.ts';
import type { Leadership } from '../leader/leadership.ts';
import type { Delta, Subscriber } from '../publish/delta.ts';
import type { Publisher } from '../publish/publisher.ts';
import type { TranslateInput } from '../translate/input.ts';
import type { HubResources } from '../view/hub-resources.ts';
import { serviceExportStatement, serviceStatement } from './export-statement.ts';
import { exportState } from './exported-service.ts';
import { EventBook } from './event-book.ts';
import { importStatement } from './import-statement.ts';
import { ObjectWriter } from './object-writer.ts';
import { policyStatement } from './policy-statement.ts';
import { ownedImports } from './owned-imports.ts';
import { ServedVersions } from './served-versions.ts';
import { serviceImport } from './service-import.ts';
import { allTargets, targetsTouched } from './targets.ts';
import type { Statement, Target } from './written-object.ts';

interface Deps {
  readonly api: ApiServer;
  readonly input: Pick<TranslateInput, 'cluster' | 'view' | 'derived'>;
  readonly hub: HubResources;
  readonly coverage: OwnCoverage;
  readonly publisher: () => Pick<Publisher, 'snapshot'>;
  readonly leadership: Pick<Leadership, 'leads' | 'onChange'>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * What the agent makes of the cluster's objects, written into these. What is published and what proxies answer says which
 * of them to look at; only the leader writes, and a replica that becomes the leader looks at all.
 */
export class ClusterWrites implements Subscriber {
  readonly #deps: Deps;
  readonly #writer: ObjectWriter;
  readonly #events = new EventBook();
  #led = false;

  constructor(deps: Deps) {
    const { leadership } = deps;
    this.#deps = deps;
    this.#writer = new ObjectWriter({
      ...deps,
      leads: () => leadership.leads(),
      statementOf: (target) => this.#statementOf(target),
      onNote: (noted) => {
        const event = this.#events.add(noted, deps.clock.now());
        if (event) this.#touch([event]);
      },
    });
    leadership.onChange(() => this.#roleChanged());
  }

  published(delta: Delta): void {
    this.#roleChanged();
    this.#touch(targetsTouched(delta.keys, this.#world));
  }

  /** How far the cluster's own policies of these ids have come may be another answer now. */
  policiesDiffer(ids: Iterable<string>): void {
    this.#touch([...ids].flatMap((id) => parseObjectId(id) ?? []));
  }

  conditions(): readonly Condition[] {
    return this.#writer.conditions();
  }

  #roleChanged(): void {
    const { leadership, publisher } = this.#deps;
    const leads = leadership.leads() && publisher().snapshot !== undefined;
    if (leads === this.#led) return;
    this.#led = leads;
    if (leads) {
      this.#touch(allTargets(this.#world));
      void this.#findImports();
    } else {
      this.#writer.clear();
      this.#events.clear();
    }
  }

  get #world() {
    const { input, hub } = this.#deps;
    return { ...input, hub };
  }

  /** Those that an earlier leader has made may be no more. */
  async #findImports(): Promise<void> {
    const { api, clock, log } = this.#deps;
    try {
      for await (const target of ownedImports(api, new ServedVersions(api, clock))) this.#touch([target]);
    } catch (error) {
      log.warn(
        { why: String(error) },
        'ServiceImports could not be listed: they are looked for again in 30 s',
      );
      clock.after(30_000, () => {
        if (this.#led) void this.#findImports();
      });
    }
  }

  #touch(targets: Iterable<Target>): void {
    if (this.#led) for (const target of targets) this.#writer.touch(target);
  }

  #statementOf(target: Target): Statement | undefined {
    const { input, coverage, clock } = this.#deps;
    const { kind } = target;
    switch (kind) {
      case 'AuthorizationPolicy':
      case 'PeerAuthentication':
        return policyStatement({ ...target, kind }, { view: input.view, coverage, now: () => clock.now() });
      case 'Service':
        return serviceStatement(target, exportState(target, this.#world));
      case 'ServiceExport':
        return serviceExportStatement(target, exportState(target, this.#world), clock.now());
      case 'ServiceImport':
        return importStatement(target, serviceImport(target, this.#world), clock.now());
      case 'Event':
        return this.#events.statementOf(target);
      default:
        return undefined;
    }
  }
}
