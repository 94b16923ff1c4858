import assert from 'node:assert/strict';
import type { RemoteService } from '@isthmus/api/domain/directive.ts';
import type { Rejection } from '@isthmus/api/domain/rejection.ts';
import type { ClusterObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Gateway } from '@isthmus/api/domain/report.ts';
import { Problems } from '@isthmus/cluster-agent/health/problems.ts';
import type { Health } from '@isthmus/cluster-agent/health/tracker.ts';
import { readManifests } from '@isthmus/cluster-agent/source/files/read-file.ts';
import type { TranslateInput } from '@isthmus/cluster-agent/translate/input.ts';
import { walkLimits } from '@isthmus/cluster-agent/translate/walks.ts';
import { Pipeline } from '@isthmus/cluster-agent/translate/pipeline.ts';
import type { ClusterSnapshot } from '@isthmus/cluster-agent/translate/snapshot.ts';
import type { Outputs, CaptureProof, SharedAddresses } from '@isthmus/cluster-agent/translate/world.ts';
import { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import { emptyHubView, type HubView } from '@isthmus/cluster-agent/view/hub-view.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { HubFollower } from './hub-follower.ts';

/** Objects by their ids, out of YAML in which nothing is refused. */
export function objectsOf(text: string): ReadonlyMap<string, ClusterObject> {
  const { objects, rejections } = readManifests(text, 'test.yaml');
  assert.deepEqual(
    rejections.filter(({ severity }) => severity === 'ERROR'),
    [],
  );
  return new Map([...objects].map(([id, { object }]) => [id, object]));
}

/** A cluster's view out of YAML in which nothing is refused. */
export function viewOf(text: string): ClusterView {
  const view = new ClusterView();
  view.apply([...objectsOf(text)].map(([id, object]) => ({ type: 'upsert', id, object })));
  view.apply([{ type: 'synced' }]);
  return view;
}

/** Every proxy has proven itself: a pod is healthy when it is ready. */
export const provenWhenReady: Health = {
  of: ({ ready, podIP }) => ({
    problem: ready === true && podIP !== '' ? undefined : { cause: 'NOT_READY', object: '' },
    stale: undefined,
    provenBy: undefined,
    until: Infinity,
  }),
  problems: new Problems(),
};

/** What reports rest on, with what it is derived from. */
export interface TestInput extends TranslateInput {
  /** Epoch milliseconds. */
  readonly now: number;
  readonly upstreamZtunnels: ReadonlySet<string>;
  /** Undefined: each proxy has addresses of its own for a service. */
  readonly shared?: SharedAddresses;
  /** Who says that pods are captured; PROXY without. */
  readonly capture?: CaptureProof;
}

/** Services of the cluster that others have too are exported by it as well, unless `hub` says otherwise. */
export function inputOf(text: string, hub: Partial<HubView> = {}): TestInput {
  return derivedFrom(sourcesOf(text, hub));
}

/** The input with everything derived from scratch. */
export const derivedFrom = (input: Omit<TestInput, 'derived'>): TestInput => ({
  ...input,
  derived: outputsOf(input),
});

/** All that follows from a cluster's objects and the hub's resources, at once. */
export const outputsOf = (input: Omit<TestInput, 'derived'>): Outputs => pipelineOf(input).outputs;

/** A pipeline that has evaluated everything once. */
export function pipelineOf(input: Omit<TestInput, 'derived'>, limits = walkLimits): Pipeline {
  const hub = new HubFollower();
  hub.update(input.hub);
  const pipeline = new Pipeline(
    {
      view: input.view,
      hub,
      facts: {
        cluster: input.cluster,
        trustDomain: input.trustDomain,
        now: () => input.now,
        upstreamZtunnels: input.upstreamZtunnels,
        capture: input.capture ?? 'PROXY',
        shared: input.shared,
        health: { judge: (pod) => input.health.of(pod), restingOn: () => [], take: () => [] },
      },
    },
    limits,
  );
  pipeline.all();
  return pipeline;
}

export const translate = (input: Omit<TestInput, 'derived'>): ClusterSnapshot => outputsOf(input).snapshot;

const sourcesOf = (text: string, hub: Partial<HubView>): Omit<TestInput, 'derived'> => ({
  cluster: 'east',
  trustDomain: defaultTrustDomain,
  serviceConditions: () => [],
  now: 0,
  upstreamZtunnels: new Set<string>(),
  view: viewOf(text),
  health: provenWhenReady,
  hub: {
    ...emptyHubView,
    grants: new Map(
      [...(hub.remotes?.values() ?? [])].map(({ namespace, name }) => [
        `${namespace}/${name}`,
        { namespace, name, clusters: ['west'] },
      ]),
    ),
    ...hub,
  },
});

export const aGateway = (over: Partial<Gateway> = {}): Gateway => ({
  network: 'network-west',
  address: '127.7.32.5',
  hbonePort: 15_008,
  passthroughPort: 15_443,
  spiffeId: 'spiffe://cluster.local/ns/istio-system/sa/eastwest-gateway',
  region: 'region-a',
  zone: 'a-3',
  ready: true,
  ...over,
});

export const aRemote = (over: Partial<RemoteService> & { readonly name: string }): RemoteService => ({
  cluster: 'west',
  namespace: 'shop',
  hostname: `${over.name}.shop.svc.cluster.local`,
  ports: [{ name: 'http', port: 8080, targetPort: 8080, appProtocol: '' }],
  subjectAltNames: [`spiffe://cluster.local/ns/shop/sa/${over.name}`],
  groups: [{ region: 'region-a', zone: 'a-3', transport: 'hbone', total: 2, healthy: 2 }],
  gateways: [aGateway()],
  ...over,
});

export const remotes = (...all: readonly RemoteService[]): HubView['remotes'] =>
  new Map(all.map((one) => [`${one.cluster}/${one.namespace}/${one.name}`, one]));

export const aRejection = (over: Partial<Rejection> = {}): Rejection => ({
  code: over.code ?? 'INVALID_FIELD',
  severity: over.severity ?? 'ERROR',
  object: over.object ?? 'Service shop/cart',
  field: over.field ?? 'spec.ports[0].port',
  message: over.message ?? 'is not a port',
  file: over.file ?? 'cart.yaml',
  line: over.line ?? 1,
});
