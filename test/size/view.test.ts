import {
  objectId,
  type ClusterObject,
  type PodObject,
  type ServiceObject,
} from '@isthmus/api/kubernetes/objects.ts';
import type { SourceEvent } from '@isthmus/cluster-agent/view/source-event.ts';
import { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import { assertScales, type Work } from './doubled.ts';

const podsOfService = 10;
const podsOnNode = 20;

/** A cluster of one namespace: the objects that are looked at are counted. */
class Cluster {
  readonly view = new ClusterView();
  readonly #size: number;
  visits = 0;

  constructor(size: number) {
    this.#size = size;
  }

  list(): void {
    const pods = Array.from({ length: this.#size }, (_, i) => this.#pod(i));
    const services = Array.from({ length: this.#size / podsOfService }, (_, i) => this.#service(i));
    this.view.apply([...pods, ...services].map(upsert));
    this.view.apply([{ type: 'synced' }]);
  }

  /** One pod is another, and what is asked about it and its services is asked. */
  change(): void {
    this.view.apply([upsert(this.#pod(7, '10.9.9.9'))]);
    const pod = this.view.podNamed('shop/pod-7');
    if (!pod) throw new Error('the pod is not there');
    for (const service of this.view.servicesSelecting(pod)) this.view.selectedBy(service);
    this.view.isGateway(pod);
    this.view.nodeProxies(pod.nodeName);
    this.view.policies.authorizationsOf(pod);
    this.view.policies.peersOf(pod);
    this.view.runsOn(pod.nodeName, 'shop', 'default');
    for (const one of this.view.podsOn(pod.nodeName)) this.view.isGateway(one);
  }

  counted(run: () => void): number {
    const before = this.visits;
    run();
    return this.visits - before;
  }

  #pod(i: number, podIP = `10.0.0.${i}`): PodObject {
    return this.#counting<PodObject>({
      kind: 'Pod',
      metadata: {
        namespace: 'shop',
        name: `pod-${i}`,
        uid: `uid-${i}`,
        createdAt: 0,
        labels: { app: `app-${Math.floor(i / podsOfService)}`, all: 'yes', one: `${i}` },
        annotations: {},
      },
      nodeName: `node-${Math.floor(i / podsOnNode)}`,
      serviceAccount: 'default',
      podIP,
      otherIPs: [],
      appAddress: '',
      hostNetwork: false,
      ports: [],
      readinessProbes: [],
      ready: true,
      deleted: false,
      finished: false,
      workloadName: 'cart',
    });
  }

  #service(i: number): ServiceObject {
    return this.#counting<ServiceObject>({
      kind: 'Service',
      metadata: {
        namespace: 'shop',
        name: `service-${i}`,
        uid: `uid-${i}`,
        createdAt: 0,
        labels: {},
        annotations: {},
      },
      type: 'ClusterIP',
      selector: { all: 'yes', app: `app-${i}` },
      ports: [],
      otherPorts: [],
      affinitySeconds: 0,
      clusterIPs: [],
      headless: false,
      ipFamilies: 'AUTOMATIC',
      publishNotReadyAddresses: false,
      trafficDistribution: '',
      internalTrafficPolicy: 'Cluster',
    });
  }

  /** Code that looks at an object reads its metadata. */
  #counting<T extends ClusterObject>(object: T): T {
    const { metadata } = object;
    return Object.defineProperty({ ...object }, 'metadata', {
      enumerable: true,
      get: () => {
        this.visits++;
        return metadata;
      },
    });
  }
}

const upsert = (object: ClusterObject): SourceEvent => ({
  type: 'upsert',
  id: objectId(object.kind, object.metadata),
  object,
});

function workOf(size: number): Work {
  const cluster = new Cluster(size);
  return {
    firstSync: cluster.counted(() => cluster.list()),
    change: cluster.counted(() => cluster.change()),
  };
}

describe('the size of a cluster’s view', () => {
  for (const size of [1_000, 10_000])
    it(`of ${size} pods: a listing looks at twice as many objects when they are doubled, a change at as many`, () =>
      assertScales(workOf, size));
});
