import {
  objectId,
  type ClusterObject,
  type PodObject,
  type ServiceEntryObject,
  type WorkloadEntryObject,
} from '@isthmus/api/kubernetes/objects.ts';
import type { ChangeSet } from '@isthmus/cluster-agent/keys/change-set.ts';

import { Pipeline } from '@isthmus/cluster-agent/translate/pipeline.ts';
import { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import { emptyHubView, type HubView } from '@isthmus/cluster-agent/view/hub-view.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { aRemote, objectsOf, provenWhenReady, remotes } from '../fakes/cluster.ts';
import { anAuthorization } from '../fakes/records.ts';
import { CountedQueries } from './counted-queries.ts';
import { HubFollower } from '../fakes/hub-follower.ts';

const podsPerNode = 50;
const podsPerService = 10;

const [aPod, aService, aNode, aWorkloadEntry, aServiceEntry] = objectsOf(`
apiVersion: v1
kind: Pod
metadata: { name: p, namespace: shop, labels: { app: a } }
spec: { nodeName: n, serviceAccountName: a, containers: [{ ports: [{ name: web, containerPort: 8080 }] }] }
status: { podIP: 10.0.0.1, conditions: [{ type: Ready, status: 'True' }] }
---
apiVersion: v1
kind: Service
metadata: { name: a, namespace: shop }
spec: { selector: { app: a }, ports: [{ name: http, port: 80, targetPort: web }] }
---
apiVersion: v1
kind: Node
metadata: { name: n, labels: { topology.kubernetes.io/region: r, topology.kubernetes.io/zone: z } }
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: w, namespace: shop }
spec: { address: 10.1.0.1, labels: { app: a }, ports: { web: 8080 } }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: e, namespace: shop }
spec:
  hosts: [e.example.com]
  ports: [{ number: 443 }]
  resolution: STATIC
  workloadSelector: { labels: { app: a } }
---
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio.io/dataplane-mode: ambient } }
`).values() as Iterable<ClusterObject>;

function podOf(i: number): PodObject {
  const pod = aPod as PodObject;
  const app = `a${Math.floor(i / podsPerService)}`;
  const metadata = { ...pod.metadata, name: `p${i}`, uid: `u${i}`, labels: { app } };
  return { ...pod, metadata, nodeName: `n${Math.floor(i / podsPerNode)}`, serviceAccount: app };
}

function workloadEntryOf(i: number): WorkloadEntryObject {
  const entry = aWorkloadEntry as WorkloadEntryObject;
  const workload = { ...entry.workload, labels: { app: `a${i}` } };
  return { ...entry, workload, metadata: { ...entry.metadata, name: `w${i}` } };
}

function serviceEntryOf(i: number, port = 443): ServiceEntryObject {
  const hosts = [`e${i}.example.com`];
  const ports = [{ name: '', port, targetPort: port }];
  return named(aServiceEntry as ServiceEntryObject, `e${i}`, { hosts, ports, selector: { app: `a${i}` } });
}

const named = <T extends ClusterObject>(object: T, name: string, over: Partial<T> = {}): T => ({
  ...object,
  ...over,
  metadata: { ...object.metadata, name },
});

/** So many pods, a service for each ten of them with a workload outside of pods and a host, and as many services elsewhere. */
export class World {
  readonly #queries = new CountedQueries();
  readonly #view = new ClusterView();
  readonly #hub = new HubFollower();
  readonly #pipeline: Pipeline;
  #sent: HubView;

  constructor(pods: number) {
    const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
    const services = numbers(pods / podsPerService);
    this.#apply(...numbers(pods).map(podOf));
    this.#apply(...services.map((i) => named(aService!, `a${i}`, { selector: { app: `a${i}` } })));
    this.#apply(...services.map(workloadEntryOf));
    this.#apply(...services.map((i) => serviceEntryOf(i)));
    this.#apply(...numbers(pods / podsPerNode).map((i) => named(aNode!, `n${i}`)));
    this.#sent = {
      ...emptyHubView,
      remotes: remotes(...services.map((i) => aRemote({ name: `far${i}` }))),
      policies: new Map(
        services.map((i) => [
          `p${i}`,
          {
            name: `p${i}`,
            revision: 1,
            target: { namespace: 'shop', labels: { app: `a${i}` } },
            authorization: anAuthorization({ name: `p${i}` }),
          },
        ]),
      ),
    };
    this.#hub.update(this.#sent);
    this.#pipeline = new Pipeline({
      view: this.#queries.of(this.#view, 'policies', 'serviceEntries'),
      hub: this.#queries.of(this.#hub),
      facts: {
        cluster: 'east',
        trustDomain: defaultTrustDomain,
        now: () => 0,
        upstreamZtunnels: new Set(),
        capture: 'PROXY',
        health: { judge: (pod) => provenWhenReady.of(pod), restingOn: () => [], take: () => [] },
      },
    });
  }

  all = (): void => void this.#pipeline.all();

  podChanges = (): void =>
    void this.#pipeline.update(this.#apply({ ...podOf(7), ready: false, podIP: '10.0.0.2' }), 0);

  serviceChanges = (): void => {
    const ports = [{ name: 'http', port: 81, targetPort: 'web', appProtocol: '' }];
    const changed = named(aService!, 'a3', { selector: { app: 'a3' }, ports });
    this.#pipeline.update(this.#apply(changed), 0);
  };

  workloadEntryChanges = (): void =>
    void this.#pipeline.update(this.#apply({ ...workloadEntryOf(7), healthy: false }), 0);

  serviceEntryChanges = (): void => void this.#pipeline.update(this.#apply(serviceEntryOf(7, 444)), 0);

  remoteChanges = (): void => {
    const [key, far] = [...this.#sent.remotes][3]!;
    const after = { ...far, groups: far.groups.map((group) => ({ ...group, healthy: 1 })) };
    this.#sent = { ...this.#sent, remotes: new Map(this.#sent.remotes).set(key, after) };
    this.#pipeline.update(this.#hub.update(this.#sent), 0);
  };

  policyChanges = (): void => {
    const policy = this.#sent.policies.get('p3')!;
    const after = { ...policy, target: { namespace: 'shop', labels: { app: 'a4' } } };
    this.#sent = { ...this.#sent, policies: new Map(this.#sent.policies).set('p3', after) };
    this.#pipeline.update(this.#hub.update(this.#sent), 0);
  };

  visits = (): number => this.#queries.visits;

  evaluations = (): number => [...this.#pipeline.evaluations.values()].reduce((sum, count) => sum + count, 0);

  #apply(...objects: readonly ClusterObject[]): ChangeSet {
    return this.#view.apply(
      objects.map((object) => ({ type: 'upsert', id: objectId(object.kind, object.metadata), object })),
    );
  }
}

/** A cluster of so many pods, with everything derived. */
export function make(pods: number): World {
  const world = new World(pods);
  world.all();
  return world;
}
