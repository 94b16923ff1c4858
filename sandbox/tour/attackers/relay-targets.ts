import { podAddress } from '../addresses.ts';
import type { Tour } from '../context.ts';
import { trap, type Trap } from './trap.ts';

/** What a gateway must not forward to: `host:port`, and the code that it refuses with. */
export interface Target {
  readonly authority: string;
  readonly code: 'NOT_A_SERVICE' | 'NOT_EXPORTED';
}

export interface Targets {
  readonly targets: Readonly<Record<string, Target>>;
  readonly traps: Readonly<Record<string, Trap>>;
}

const shop = (name: string, port: number): string => `${name}.shop.svc.cluster.local:${port}`;

/** For east's gateway: real places, and wherever nobody listens already, a trap. */
export async function relayTargets({ sandbox }: Tour): Promise<Targets> {
  const base = `127.${sandbox.place.octet}`;
  const at = {
    pod: `${base}.17.250`,
    node: `${base}.16.10`,
    other: `${base}.33.250`,
    ledger: `${base}.16.251`,
  };
  const traps = {
    pod: await trap(at.pod),
    node: await trap(at.node),
    other: await trap(at.other),
    local: await trap('127.0.0.1'),
    ledger: await trap(at.ledger, 7171),
    tunnel: await trap(at.ledger, 15_008),
  };
  const real = (cluster: string, pod: string) => podAddress(sandbox, cluster, pod);
  const targets: Readonly<Record<string, Target>> = {
    'a service that is not exported': { authority: shop('frontend', 8080), code: 'NOT_EXPORTED' },
    'another, with a trap behind': { authority: shop('ledger', 7171), code: 'NOT_EXPORTED' },
    'an exported service at another port': { authority: shop('catalogue', 22), code: 'NOT_EXPORTED' },
    'a name that does not exist': { authority: shop('nobody', 80), code: 'NOT_A_SERVICE' },
    'a pod address': { authority: `${real('east', 'catalogue-1')}:8081`, code: 'NOT_A_SERVICE' },
    'a pod address with its tunnel port': {
      authority: `${real('east', 'catalogue-1')}:15008`,
      code: 'NOT_A_SERVICE',
    },
    'a trap at a pod address': { authority: `${at.pod}:${traps.pod.port}`, code: 'NOT_A_SERVICE' },
    'a node port': { authority: `${at.node}:${traps.node.port}`, code: 'NOT_A_SERVICE' },
    'a pod of another network': { authority: `${real('west', 'cart')}:8082`, code: 'NOT_A_SERVICE' },
    'a trap in another network': { authority: `${at.other}:${traps.other.port}`, code: 'NOT_A_SERVICE' },
    'a service of another network': { authority: shop('cart', 8082), code: 'NOT_A_SERVICE' },
    'one that this cluster has not even by name': { authority: shop('orders', 8083), code: 'NOT_A_SERVICE' },
    localhost: { authority: `127.0.0.1:${traps.local.port}`, code: 'NOT_A_SERVICE' },
    'localhost by name': { authority: `localhost:${traps.local.port}`, code: 'NOT_A_SERVICE' },
  };
  return { targets, traps };
}
