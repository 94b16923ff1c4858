import assert from 'node:assert/strict';
import fc from 'fast-check';
import { severities } from '@isthmus/api/domain/condition.ts';
import { placeOfRejection, type Rejection } from '@isthmus/api/domain/rejection.ts';
import type { ClusterObject, PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { byPrecedence } from '@isthmus/api/kubernetes/precedence.ts';
import { podKey, serviceKeyOf } from '@isthmus/cluster-agent/keys/names.ts';
import type { SourceEvent } from '@isthmus/cluster-agent/view/source-event.ts';
import { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import { isGatewayService } from '@isthmus/cluster-agent/view/gateways.ts';
import { byService } from '@isthmus/cluster-agent/view/node-proxy.ts';
import { keysOf } from '@isthmus/cluster-agent/view/service-entries.ts';
import { selects } from '@isthmus/cluster-agent/view/selectors.ts';
import { someBatch } from '../../fakes/random-objects.ts';

/** The same questions, each answered by a walk over everything. */
class WholeView {
  readonly #objects = new Map<string, ClusterObject>();
  readonly #rejections = new Map<string, readonly Rejection[]>();

  apply(batch: readonly SourceEvent[]): void {
    for (const event of batch)
      if (event.type === 'upsert') this.#objects.set(event.id, asHeld(event.object));
      else if (event.type === 'remove') this.#objects.delete(event.id);
      else if (event.type === 'rejections') this.#rejections.set(event.origin, event.rejections);
  }

  all<K extends ClusterObject['kind']>(kind: K): Extract<ClusterObject, { kind: K }>[] {
    return [...this.#objects.values()].filter(
      (one): one is Extract<ClusterObject, { kind: K }> => one.kind === kind,
    );
  }

  get pods(): PodObject[] {
    return this.all('Pod').filter(({ finished }) => !finished);
  }

  get rejections(): [place: string, one: Rejection][] {
    const all = [...this.#rejections.values()].flat();
    return [...new Map(all.map((one) => [placeOfRejection(one), one]))].sort(([a], [b]) => (a < b ? -1 : 1));
  }
}

const asHeld = (object: ClusterObject): ClusterObject =>
  object.kind === 'Pod' && object.deleted && object.ready ? { ...object, ready: false } : object;

/** The same objects, in whatever order. */
function same(found: Iterable<ClusterObject>, expected: readonly ClusterObject[], question: string): void {
  const sorted = (all: Iterable<ClusterObject>) =>
    [...all].sort((a, b) =>
      [a.metadata.namespace, a.metadata.name].join('/') < [b.metadata.namespace, b.metadata.name].join('/')
        ? -1
        : 1,
    );
  assert.deepEqual(sorted(found), sorted(expected), question);
}

const namespaces = ['istio-system', 'shop', 'bank', 'none'];
const nodes = ['', 'n-0', 'n-1', 'n-2', 'n-3', 'n-9'];
const selectors = [
  {},
  { app: 'cart' },
  { tier: 'db', v: '1' },
  { app: 'pay', tier: 'web', v: '2' },
  { x: '1' },
];

function assertPods(view: ClusterView, whole: WholeView): void {
  same(view.pods(), whole.pods, 'pods');
  assert.equal(view.podCount, whole.pods.length);
  for (const namespace of namespaces) {
    const here = whole.pods.filter(({ metadata }) => metadata.namespace === namespace);
    same(view.podsIn(namespace), here, `pods of ${namespace}`);
    for (const selector of selectors)
      same(
        view.podsSelectedBy(namespace, selector),
        here.filter(({ metadata }) => selects(selector, metadata.labels)),
        `pods of ${namespace} with ${JSON.stringify(selector)}`,
      );
  }
  for (const node of nodes) {
    const here = whole.pods.filter(({ nodeName }) => nodeName === node);
    same(view.podsOn(node), here, `pods on ${node}`);
    assert.deepEqual(
      view.nodeProxies(node),
      here.filter((pod) => view.isNodeProxy(pod)).sort(byService),
      `ztunnels of ${node}`,
    );
    for (const namespace of namespaces)
      for (const account of ['', 'cart', 'ztunnel'])
        assert.equal(
          view.runsOn(node, namespace, account),
          here.some((one) => one.metadata.namespace === namespace && one.serviceAccount === account),
        );
  }
  for (const pod of whole.all('Pod'))
    assert.deepEqual(view.podNamed(podKey(pod.metadata)), pod.finished ? undefined : pod);
}

function assertServices(view: ClusterView, whole: WholeView): void {
  const services = whole.all('Service');
  const slices = whole.all('EndpointSlice');
  const isSelected = (service: (typeof services)[number], pod: PodObject) =>
    Object.keys(service.selector).length > 0 &&
    service.metadata.namespace === pod.metadata.namespace &&
    selects(service.selector, pod.metadata.labels);
  same(view.all('Service'), services, 'services');
  for (const service of services) {
    const { namespace, name } = service.metadata;
    assert.deepEqual(view.service(serviceKeyOf(service.metadata)), service);
    same(
      view.selectedBy(service),
      whole.pods.filter((pod) => isSelected(service, pod)),
      `pods of ${name}`,
    );
    const isOwn = Object.keys(service.selector).length > 0 || service.type === 'ExternalName';
    const its = slices.filter((one) => one.metadata.namespace === namespace && one.service === name);
    same(view.slicesOf(service), isOwn ? [] : its, `slices of ${name}`);
  }
  for (const namespace of namespaces)
    same(
      view.servicesIn(namespace),
      services.filter(({ metadata }) => metadata.namespace === namespace),
      `services of ${namespace}`,
    );
  for (const port of [80, 90, 91])
    same(
      view.servicesWithPort(port),
      services.filter(({ ports }) => ports.some((one) => one.port === port)),
      `services at ${port}`,
    );
  assert.deepEqual(
    new Set(view.servicePorts()),
    new Set(services.flatMap(({ ports }) => ports.map(({ port }) => port))),
  );
  same(view.gatewayServices(), services.filter(isGatewayService), 'gateway services');
  for (const pod of whole.pods) {
    const selecting = services.filter((service) => isSelected(service, pod));
    same(view.servicesSelecting(pod), selecting, `services of ${pod.metadata.name}`);
    assert.equal(view.isGateway(pod), selecting.some(isGatewayService));
    const key = podKey(pod.metadata);
    same(
      view.slicesNaming(key),
      slices.filter(({ endpoints }) => endpoints.some((one) => one.pod === key)),
      `slices naming ${key}`,
    );
  }
  for (const node of nodes)
    same(
      view.slicesWithEndpointsOn(node),
      slices.filter(({ endpoints }) => endpoints.some((one) => one.pod === '' && one.nodeName === node)),
      `slices with endpoints on ${node}`,
    );
}

function assertExports(view: ClusterView, whole: WholeView): void {
  const exports = whole.all('ServiceExport');
  const named = ({ metadata }: ClusterObject) => serviceKeyOf(metadata);
  for (const service of [...whole.all('Service'), ...exports].map(named))
    assert.equal(
      view.exportOf(service) !== undefined,
      exports.some((one) => named(one) === service),
    );
  const exportable = new Set(
    whole
      .all('Service')
      .filter(({ type }) => type !== 'ExternalName')
      .map(named),
  );
  same(
    view.unmetExports(),
    exports.filter((one) => !exportable.has(named(one))),
    'exports without a service',
  );
}

function assertWorkloadEntries(view: ClusterView, whole: WholeView): void {
  const entries = whole.all('WorkloadEntry');
  for (const entry of entries)
    assert.deepEqual(view.workloadEntry(`${entry.metadata.namespace}/${entry.metadata.name}`), entry);
  for (const namespace of namespaces)
    for (const selector of selectors)
      same(
        view.workloadEntriesSelectedBy(namespace, selector),
        entries.filter(
          ({ metadata, workload }) =>
            metadata.namespace === namespace &&
            Object.keys(selector).length > 0 &&
            selects(selector, workload.labels),
        ),
        `WorkloadEntries of ${namespace} with ${JSON.stringify(selector)}`,
      );
}

function assertServiceEntries(view: ClusterView, whole: WholeView): void {
  const all = whole.all('ServiceEntry').sort(byPrecedence);
  const services = whole.all('Service').filter(({ type }) => type !== 'ExternalName');
  const isService = (key: string) => services.some(({ metadata }) => serviceKeyOf(metadata) === key);
  const keys = new Set([...all.flatMap(keysOf), ...services.map(({ metadata }) => serviceKeyOf(metadata))]);
  const { serviceEntries } = view;
  for (const key of keys) {
    const having = all.filter((one) => keysOf(one).includes(key));
    same(serviceEntries.having(key), having, `entries of ${key}`);
    assert.deepEqual(serviceEntries.at(key), isService(key) ? undefined : having[0]);
  }
  assert.deepEqual(
    [...serviceEntries.contested()].sort(),
    [...keys]
      .filter((key) => {
        const { length } = all.filter((one) => keysOf(one).includes(key));
        return length > 1 || (length === 1 && isService(key));
      })
      .sort(),
  );
  for (const entry of all)
    assert.deepEqual(serviceEntries.get(`${entry.metadata.namespace}/${entry.metadata.name}`), entry);
  for (const namespace of namespaces) {
    const here = all.filter(({ metadata }) => metadata.namespace === namespace);
    same(serviceEntries.inNamespace(namespace), here, `entries of ${namespace}`);
    for (const labels of selectors)
      same(
        serviceEntries.selecting(namespace, labels),
        here.filter(({ selector }) => Object.keys(selector).length > 0 && selects(selector, labels)),
        `entries of ${namespace} that select ${JSON.stringify(labels)}`,
      );
  }
}

function assertEastWest(view: ClusterView, whole: WholeView): void {
  const controllers = new Map(
    whole.all('GatewayClass').map((one) => [one.metadata.name, one.controllerName]),
  );
  const isEastWest = (name: string) =>
    controllers.has(name)
      ? controllers.get(name) === 'istio.io/eastwest-controller'
      : name === 'istio-east-west';
  same(
    view.eastWestGateways(),
    whole
      .all('Gateway')
      .filter(
        (one) =>
          one.metadata.namespace === 'istio-system' &&
          one.network !== '' &&
          (one.hbonePort > 0 || one.passthroughPort > 0) &&
          isEastWest(one.className),
      ),
    'east-west gateways',
  );
}

function assertPolicies(view: ClusterView, whole: WholeView): void {
  const authorizations = whole.all('AuthorizationPolicy').sort(byPrecedence);
  const peers = whole.all('PeerAuthentication').sort(byPrecedence);
  for (const namespace of namespaces) {
    const here = ({ metadata }: ClusterObject) => metadata.namespace === namespace;
    assert.deepEqual(view.policies.authorizations.ofNamespace(namespace), authorizations.filter(here));
    assert.deepEqual(view.policies.peers.ofNamespace(namespace), peers.filter(here));
  }
  for (const pod of whole.pods) {
    const { namespace, labels } = pod.metadata;
    const meets = ({ selector }: { readonly selector: Record<string, string> }) => selects(selector, labels);
    assert.deepEqual(
      view.policies.authorizationsOf(pod),
      authorizations.filter(
        (one) =>
          [namespace, 'istio-system'].includes(one.metadata.namespace) &&
          Object.keys(one.selector).length > 0 &&
          meets(one),
      ),
    );
    assert.deepEqual(
      view.policies.peersOf(pod),
      peers.filter((one) => one.metadata.namespace === namespace && meets(one)),
    );
  }
}

function assertRejections(view: ClusterView, whole: WholeView): void {
  const all = whole.rejections;
  assert.deepEqual(
    [...view.rejections],
    all.map(([, one]) => one),
  );
  for (const severity of ['', ...severities] as const) {
    const of = all.filter(([, one]) => severity === '' || one.severity === severity);
    if (severity !== '') assert.equal(view.rejections.counts[severity], of.length);
    for (const [after] of [[''], ...of.slice(0, 3), ...of.slice(-1), ...all.slice(-1)] as [string][]) {
      const rest = of.filter(([place]) => place > after);
      assert.deepEqual(view.rejections.page(severity, after, 2), {
        rejections: rest.slice(0, 2).map(([, one]) => one),
        hasNext: rest.length > 2,
      });
    }
  }
}

describe('the indexes of the cluster’s view', () => {
  const batches = fc.array(someBatch(), { minLength: 1, maxLength: 12 });
  const after = (assertSame: (view: ClusterView, whole: WholeView) => void) =>
    fc.assert(
      fc.property(batches, (all) => {
        const [view, whole] = [new ClusterView(), new WholeView()];
        for (const batch of all) {
          view.apply(batch);
          whole.apply(batch);
          assertSame(view, whole);
        }
      }),
      { numRuns: 150 },
    );

  it('answer about pods, nodes and ztunnels as a walk over all objects does', () => after(assertPods));
  it('answer about services, slices and gateways as a walk over all objects does', () =>
    after(assertServices));
  it('answer about security policies, in order of precedence, as a walk over all objects does', () =>
    after(assertPolicies));
  it('know which services a ServiceExport asks for, and which ServiceExports have no service', () =>
    after(assertExports));
  it('answer about WorkloadEntries as a walk over all of them does', () => after(assertWorkloadEntries));
  it('answer about ServiceEntries, their hosts and what they select as a walk over all of them does', () =>
    after(assertServiceEntries));
  it('know which Gateways are east-west gateways', () => after(assertEastWest));
  it('answer with pages of rejections and their counts as a walk over all does', () =>
    after(assertRejections));
  it('know the first node by name', () =>
    after((view, whole) => {
      const [first] = whole.all('Node').sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
      assert.deepEqual(view.firstNode, first);
    }));

  it('keep an object that comes again as it is', () =>
    fc.assert(
      fc.property(someBatch(), (batch) => {
        const view = new ClusterView();
        view.apply(batch);
        const before = new Map([...view.all('Pod')].map((one) => [podKey(one.metadata), one]));
        view.apply(structuredClone(batch));
        for (const pod of view.all('Pod')) assert.equal(pod, before.get(podKey(pod.metadata)));
      }),
    ));
});
