import * as wire from '@isthmus/api/wire/link.ts';
import type { TrafficShift } from '@isthmus/api/domain/directive.ts';
import { formatServiceKey, type ServiceKey as FederatedServiceKey } from '@isthmus/api/domain/names.ts';
import type { ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import type { ChangeSet } from '../keys/change-set.ts';
import { serviceKeyOf, type ServiceKey } from '../keys/names.ts';
import type { Touched, TouchedKind, TouchedOf } from '../keys/touched.ts';
import { divertsService } from '../translate/diverts.ts';
import { gatewayReports } from '../translate/gateways.ts';
import type { TranslateInput } from '../translate/input.ts';
import { isReported, serviceReport } from '../translate/report.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import { isGatewayService } from '../view/gateways.ts';
import type { Delta, Subscriber } from './delta.ts';
import type { ReportStore } from './report-store.ts';

interface Deps {
  readonly input: () => TranslateInput;
  readonly store: ReportStore;
  /** What health reports say is another now: of these services, if any. */
  readonly onHealth: (services: readonly FederatedServiceKey[]) => void;
}

/** Reports on services and gateways follow what is published: one is encoded again when what it rests on was touched. */
export class Reports implements Subscriber {
  readonly #deps: Deps;
  /** The names of services under which they are reported. */
  readonly #names = new Map<ServiceKey, string>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  published({ keys }: Delta): void {
    const { input: read, store, onHealth } = this.#deps;
    const input = read();
    store.begin('service');
    for (const service of servicesTouched(keys, input)) this.#reportService(service, input);
    if (areGatewaysTouched(keys, input))
      store.replace('gateway', gatewayReports(input), wire.gatewayReport.encode);
    const counted = [...keys].flatMap((key) => (key.kind === 'health' ? [key.service] : []));
    if (counted.length > 0 || keys.has({ kind: 'podCount' }) || keys.has({ kind: 'synced' }))
      onHealth(counted);
  }

  #reportService(key: ServiceKey, input: TranslateInput): void {
    const { store } = this.#deps;
    const service = input.view.service(key);
    const report = service && isReported(service) ? serviceReport(input, service) : undefined;
    const name = report ? `${report.namespace}/${report.name}` : this.#names.get(key);
    if (name === undefined) return;
    if (report) this.#names.set(key, name);
    else this.#names.delete(key);
    store.set('service', name, report, wire.serviceReport.encode);
  }
}

/** Keys of what a report on one service rests on. */
const ofServices = [
  'service',
  'groups',
  'members',
  'serviceExport',
] as const satisfies readonly TouchedKind[];

const isOfService = (key: Touched): key is TouchedOf<(typeof ofServices)[number]> =>
  ofServices.some((kind) => kind === key.kind);

function servicesTouched(keys: ChangeSet, { view }: TranslateInput): ReadonlySet<ServiceKey> {
  const touched = new Set<ServiceKey>();
  const take = (services: Iterable<ServiceObject>) => {
    for (const { metadata } of services) touched.add(serviceKeyOf(metadata));
  };
  for (const key of keys)
    if (isOfService(key)) touched.add(key.service);
    else if (key.kind === 'port') take(view.servicesWithPort(key.port));
    else if (key.kind === 'synced') take(view.all('Service'));
    else if (key.kind === 'hub' && key.type === 'diversion')
      take(divertedBy(keys.formsOf(key) as readonly TrafficShift[], view));
  return touched;
}

/** Services that a traffic shift moves in any of its forms. Without a form nothing is known of it. */
const divertedBy = (forms: readonly TrafficShift[], view: ClusterView): readonly ServiceObject[] =>
  [...view.all('Service')].filter(
    ({ metadata }) =>
      forms.length === 0 || forms.some((form) => divertsService(form, formatServiceKey(metadata))),
  );

/** Keys after any of which gateways are looked at again. */
const ofGateways: ReadonlySet<TouchedKind> = new Set<TouchedKind>([
  'synced',
  'gateway',
  'gatewayObject',
  'gatewayClass',
  'node',
]);

function areGatewaysTouched(keys: ChangeSet, { view }: TranslateInput): boolean {
  for (const key of keys) {
    if (ofGateways.has(key.kind)) return true;
    if (key.kind === 'service' && (keys.formsOf(key) as readonly ServiceObject[]).some(isGatewayService))
      return true;
    if (key.kind !== 'pod' && key.kind !== 'part' && key.kind !== 'verdict') continue;
    const pod = view.podNamed(key.pod);
    if (pod && view.isGateway(pod)) return true;
  }
  return false;
}
