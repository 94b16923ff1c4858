import dns from 'node:dns';
import { join } from 'node:path';
import { decodeAddress } from '@isthmus/api/wire/address.ts';
import { proxyTypes, typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import type { Resource } from '@isthmus/mesh/delta/messages.ts';
import { XdsClient } from '@isthmus/ztunnel/xds/client.ts';
import type { Forward } from './forward.ts';
import { until } from './measured.ts';
import { giveCredentials } from './node-proxy.ts';
import type { World } from './world.ts';

const host = 'isthmus-agent.isthmus-system.svc';

/** What a client of the agent's xDS holds. */
export interface Found {
  /** Ports of a service, by its name in xDS; undefined: there is none. */
  portsOf(service: string): readonly number[] | undefined;
}

/** A node proxy's xDS client, outside of the cluster, with the token of a pod on a node of it. */
export class AgentClient {
  readonly #held = new Map<string, Uint8Array>();
  readonly #stop = new AbortController();
  readonly #way: Forward;
  readonly #running: Promise<void>;

  private constructor(way: Forward, folder: string, node: string) {
    this.#way = way;
    const client = new XdsClient(
      {
        address: `${host}:${way.port}`,
        rootCaFile: join(folder, 'xds-root.pem'),
        tokenFile: join(folder, 'xds-token'),
        clusterId: 'east',
        node: {
          id: `ztunnel~10.0.0.1~ztunnel.istio-system~istio-system.svc.cluster.local`,
          cluster: 'east',
          metadata: { NODE_NAME: node, NAMESPACE: 'istio-system', ISTHMUS_VERSION: '0.1.0' },
        },
        types: proxyTypes,
        localAddress: '',
      },
      {
        clock: systemClock,
        random: systemRandom,
        log: silentLog,
        apply: (type, resources, removed) => this.#apply(type, resources, removed),
      },
    );
    this.#running = client.run(this.#stop.signal);
  }

  static async open({ east, home }: World, way: Forward): Promise<AgentClient> {
    leadHere();
    const node = await giveCredentials(east, home);
    return new AgentClient(way, home, node);
  }

  /** How long it takes until what is held is so, milliseconds. */
  async until(what: string, limit: number, isSo: (found: Found) => boolean): Promise<number> {
    const found: Found = {
      portsOf: (service) => {
        const body = this.#held.get(service);
        const decoded = body && decodeAddress(body);
        return decoded?.ok && decoded.value.kind === 'service'
          ? decoded.value.service.ports.map(({ servicePort }) => servicePort)
          : undefined;
      },
    };
    const { millis } = await until(what, limit, () => Promise.resolve(isSo(found) || undefined));
    return millis;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#way.close();
  }

  #apply(type: string, resources: readonly Resource[], removed: readonly string[]): [] {
    if (type !== typeUrls.address) return [];
    for (const { name, body } of resources) this.#held.set(name, body);
    for (const name of removed) this.#held.delete(name);
    return [];
  }
}

/** The certificate names the Service, and the way there is a port of this machine. */
function leadHere(): void {
  const lookup = dns.promises.lookup.bind(dns.promises) as (...words: unknown[]) => Promise<unknown>;
  Object.assign(dns.promises, {
    lookup: (name: string, ...others: unknown[]) =>
      name === host ? Promise.resolve([{ address: '127.0.0.1', family: 4 }]) : lookup(name, ...others),
  });
}
