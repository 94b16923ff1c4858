import { existsSync } from 'node:fs';
import { connect as dial } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { decodeAddress } from '@isthmus/api/wire/address.ts';
import { proxyTypes, typeUrls } from '@isthmus/api/wire/type-urls.ts';
import type { Resource } from '@isthmus/mesh/delta/messages.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { XdsClient } from '@isthmus/ztunnel/xds/client.ts';
import { countingLog } from '../../../test/fakes/counting-log.ts';
import { Expected } from '../expected.ts';
import { now } from '../now.ts';
import { certifyAll } from './certificates.ts';
import type { ChangingPods } from './changing-pods.ts';
import { proxyNamespace, proxyPod } from './cluster.ts';

// The xDS clients of an agent: real streams that acknowledge everything and keep names and versions only.

export interface At {
  /** Folder of the proxies' tokens: `<pod>/token`. */
  readonly tokens: string;
  /** File of the root that the agent is verified against. */
  readonly root: string;
  /** host:port */
  readonly xds: string;
}

/** What came of a first sync. */
export interface Synced {
  /** When the last client had its whole state. */
  readonly at: number;
  /** Milliseconds from the first call until then. */
  readonly took: number;
  /** The least that a client has: workloads and services. */
  readonly addresses: number;
  /** Clients that the agent has sent away before it served them. */
  readonly refused: number;
}

/** The streams that stay, in the order of their nodes. */
export class Streams {
  readonly #changing: ChangingPods;
  #stays = 0;
  #delta = new Expected([]);
  /** By the name of a resource: the clients that are to get a version of it. */
  #watched: ReadonlyMap<string, Expected> = new Map();

  constructor(changing: ChangingPods) {
    this.#changing = changing;
  }

  get count(): number {
    return this.#stays;
  }

  /** The proxy of a node gets its whole state, and leaves again. It calls as soon as the agent listens. */
  async first({ node = 0, ...at }: At & { readonly node?: number }): Promise<Synced> {
    const stop = new AbortController();
    await isListening(at, node);
    const synced = await this.#all(at, [node], stop.signal);
    stop.abort();
    return synced;
  }

  /** So many proxies start at once. They stay. */
  sync({ clients, ...at }: At & { readonly clients: number }): Promise<Synced> {
    this.#stays = clients;
    return this.#all(at, this.#nodes, new AbortController().signal);
  }

  async #all(at: At, nodes: readonly number[], stop: AbortSignal): Promise<Synced> {
    const started = now();
    const each = await Promise.all(nodes.map((node) => this.#connect(at, node, stop)));
    const ready = now();
    return {
      at: ready,
      took: ready - started,
      addresses: Math.min(...each.map(({ addresses }) => addresses)),
      refused: each.filter(({ refused }) => refused).length,
    };
  }

  /** Resolves when the proxy of a node has its whole state. */
  async #connect({ tokens, root, xds }: At, node: number, stop: AbortSignal) {
    const pod = proxyPod(node);
    const ready = Promise.withResolvers<void>();
    const { log, lines } = countingLog();
    const config = {
      address: xds,
      rootCaFile: root,
      tokenFile: join(tokens, pod, 'token'),
      clusterId: 'east',
      types: proxyTypes,
      localAddress: '',
      node: {
        id: `ztunnel~10.1.0.1~${pod}.${proxyNamespace}~${proxyNamespace}.svc.cluster.local`,
        cluster: 'east',
        metadata: { NODE_NAME: `n-${node}`, NAMESPACE: proxyNamespace, ISTHMUS_VERSION: '0.1.0' },
      },
    };
    const client = new XdsClient(config, {
      clock: systemClock,
      random: systemRandom,
      log,
      apply: (type, resources) => {
        for (const { name } of resources) this.#watched.get(name)?.arrived(node);
        if (type === typeUrls.address) this.#hear(node, resources);
        return [];
      },
      onReady: () => ready.resolve(),
    });
    void client.run(stop);
    await ready.promise;
    return { addresses: client.held(typeUrls.address).size, refused: lines.length > 0 };
  }

  #hear(node: number, resources: readonly Resource[]): void {
    const at = now();
    this.#delta.arrived(node);
    for (const { name, body } of resources) {
      if (!this.#changing.has(name)) continue;
      const decoded = decodeAddress(body);
      if (decoded.ok && decoded.value.kind === 'workload')
        this.#changing.arrived(name, node, decoded.value.workload.status === 'HEALTHY', at);
    }
  }

  get #nodes(): readonly number[] {
    return Array.from({ length: this.#stays }, (_, node) => node);
  }

  /** What the process that measures can ask for. */
  readonly api = {
    first: (at: At & { readonly node?: number }) => this.first(at),
    sync: (at: At & { readonly clients: number }) => this.sync(at),

    /** Each proxy gets the certificates of its node's pods, which are healthy then. */
    certify: ({ clients, services, ...at }: At & { readonly clients: number; readonly services: number }) =>
      certifyAll(at, clients, services),

    /** All proxies will get a delta of addresses. To be asked before `arrived`. */
    expect: (): void => {
      this.#delta = new Expected(this.#nodes);
    },

    /** When the last proxy had it. */
    arrived: (): Promise<number> => this.#delta.last,

    /** Of these resources each client will get a version from now on. */
    watch: (names: readonly string[]): void => {
      this.#watched = new Map(names.map((name) => [name, new Expected(this.#nodes)]));
    },

    /** Those of them of which some clients have got none, and how many. */
    unseen: (): readonly { readonly name: string; readonly clients: number }[] =>
      [...this.#watched].flatMap(([name, { missing }]) => (missing > 0 ? [{ name, clients: missing }] : [])),
  };
}

/** Resolves once the proxy has what it calls with, and the agent takes connections. */
async function isListening({ tokens, root, xds }: At, node: number): Promise<void> {
  const files = [join(tokens, proxyPod(node), 'token'), root];
  while (!files.every((file) => existsSync(file)) || !(await takesConnections(xds))) await pause(10);
}

function takesConnections(xds: string): Promise<boolean> {
  const [host = '', port] = xds.split(':');
  return new Promise((resolve) => {
    const socket = dial({ host, port: Number(port) });
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}
