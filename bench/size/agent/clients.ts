import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { decodeAddress } from '@isthmus/api/wire/address.ts';
import { proxyTypes, typeUrls } from '@isthmus/api/wire/type-urls.ts';
import type { Resource } from '@isthmus/mesh/delta/messages.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { XdsClient } from '@isthmus/ztunnel/xds/client.ts';
import { Expected } from '../expected.ts';
import { answer } from '../peer-process.ts';
import { now } from '../now.ts';
import { certifyAll } from './certificates.ts';
import { proxyPod } from './manifests.ts';
import { ProbedPods } from './probed-pods.ts';

// The xDS clients of an agent: real streams that acknowledge everything and keep names and versions only.

interface At {
  readonly stateDir: string;
  /** host:port */
  readonly xds: string;
}

const probed = new ProbedPods();
const running: AbortController[] = [];
let delta = new Expected([]);
/** By the name of a resource: the clients that are to get a version of it. */
let watched: ReadonlyMap<string, Expected> = new Map();

/** Resolves when the proxy of a node has its whole state. */
async function connect({ stateDir, xds }: At, node: number, stop: AbortController): Promise<void> {
  const pod = proxyPod(node);
  const tokenFile = join(stateDir, 'pods/istio-system', pod, 'token');
  while (!existsSync(tokenFile)) await pause(10);
  const ready = Promise.withResolvers<void>();
  const config = {
    address: xds,
    rootCaFile: join(stateDir, 'xds-root.pem'),
    tokenFile,
    clusterId: 'east',
    types: proxyTypes,
    localAddress: '',
    node: {
      id: `ztunnel~10.1.0.1~${pod}.istio-system~istio-system.svc.cluster.local`,
      cluster: 'east',
      metadata: { NODE_NAME: `n-${node}`, NAMESPACE: 'istio-system', ISTHMUS_VERSION: '0.1.0' },
    },
  };
  const client = new XdsClient(config, {
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    apply(type, resources) {
      for (const { name } of resources) watched.get(name)?.arrived(node);
      if (type === typeUrls.address) hear(node, resources);
      return [];
    },
    onReady: () => ready.resolve(),
  });
  void client.run(stop.signal);
  await ready.promise;
}

function hear(node: number, resources: readonly Resource[]): void {
  const at = now();
  delta.arrived(node);
  for (const { name, body } of resources) {
    if (!probed.has(name)) continue;
    const decoded = decodeAddress(body);
    if (decoded.ok && decoded.value.kind === 'workload')
      probed.arrived(name, node, decoded.value.workload.status === 'HEALTHY', at);
  }
}

const api = {
  /** When the first proxy has its whole state; it leaves again. */
  async first(at: At): Promise<number> {
    const stop = new AbortController();
    await connect(at, 0, stop);
    const ready = now();
    stop.abort();
    return ready;
  },

  /** Milliseconds until so many proxies that start at once have their whole state. They stay. */
  async sync({ clients, ...at }: At & { readonly clients: number }): Promise<number> {
    const started = now();
    await Promise.all(
      Array.from({ length: clients }, (_, node) => {
        const stop = new AbortController();
        running.push(stop);
        return connect(at, node, stop);
      }),
    );
    return now() - started;
  },

  /** Each proxy gets the certificates of its node's pods, which are healthy then. */
  certify: ({ clients, services, ...at }: At & { readonly clients: number; readonly services: number }) =>
    certifyAll(at, clients, services),

  /** All proxies will get a delta of addresses. To be asked before `arrived`. */
  expect(): void {
    delta = new Expected(running.keys());
  },

  /** When the last proxy had it. */
  arrived: (): Promise<number> => delta.last,

  /** Of these resources each client will get a version from now on. */
  watch(names: readonly string[]): void {
    watched = new Map(names.map((name) => [name, new Expected(running.keys())]));
  },

  /** Those of them of which some clients have got none, and how many. */
  unseen: (): readonly { readonly name: string; readonly clients: number }[] =>
    [...watched].flatMap(([name, { missing }]) => (missing > 0 ? [{ name, clients: missing }] : [])),

  /** Pods that are asked once a second change with each answer, or no more. */
  flap: ({ from, to, flaps }: { readonly from: number; readonly to: number; readonly flaps: boolean }) =>
    probed.flap(from, to, flaps),

  /** Listens for the probes of pod number `index`, at the pod's address. */
  probe: (pod: { readonly index: number; readonly address: string }) => probed.listen(pod),

  /** Milliseconds from each change of a pod until each proxy had it, for `millis`, while each pod changes once a second. */
  flip: ({ pods, millis }: { readonly pods: number; readonly millis: number }) =>
    probed.flip(pods, running.length, millis),
};

export type ClientsApi = typeof api;

answer(api);
