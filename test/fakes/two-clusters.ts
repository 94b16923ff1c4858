import { run as runLine, type Around, type Ended } from './command-line.ts';
import { startTestHub, type TestHub } from './hub.ts';
import { joinMember } from './member.ts';

export interface TestFederation {
  readonly hub: TestHub;
  /** A command line of somebody who may do everything. */
  run(line: string, around?: Around): Promise<Ended>;
  /** Of the hub's store. */
  revision(): Promise<number>;
  stop(): void;
}

/** 120 workloads: more than a page of the API. */
export const manyWorkloads = Array.from({ length: 120 }, (_, i) => `orders-${String(i).padStart(3, '0')}`);

/** A hub and two clusters: `cart` is exported by both, `orders` by east alone, `private` by nobody. */
export async function startTestFederation(): Promise<TestFederation> {
  const hub = await startTestHub();
  const { octet } = hub;
  const cart = { name: 'cart', exported: true, healthy: 2 };
  const east = await joinMember(hub, {
    cluster: 'east',
    region: 'region-a',
    address: `127.${octet}.16.1`,
    workloads: manyWorkloads,
    services: [
      cart,
      { name: 'orders', exported: true, healthy: 1 },
      { name: 'private', exported: false, healthy: 1 },
    ],
  });
  const west = await joinMember(hub, {
    cluster: 'west',
    region: 'region-b',
    address: `127.${octet}.32.1`,
    workloads: ['cart-0'],
    services: [cart],
  });
  return {
    hub,
    run: (line, around = {}) =>
      runLine(line.split(' '), {
        ...around,
        env: { ISTHMUS_ENDPOINT: hub.url, ISTHMUS_TOKEN: hub.token, ...around.env },
      }),
    async revision() {
      const { data } = await hub.ask<{ viewer: { revision: number } }>('{ viewer { revision } }');
      return data!.viewer.revision;
    },
    stop() {
      for (const one of [east, west, hub]) one.stop();
    },
  };
}
