import assert from 'node:assert/strict';
import { grantRefusal } from '@isthmus/mesh/decide/granted.ts';
import type { Service } from '@isthmus/mesh/records/service.ts';
import { aService } from '../../fakes/records.ts';
import { backs, cart, pod, stateOf } from './world.ts';

const exported: Service = { ...cart, exported: true, grantedClusters: ['west'] };
const admin = aService({ name: 'admin', ports: [{ servicePort: 90, targetPort: 9090 }] });
const foreign = aService({ ...exported, namespace: 'other', key: `other/${cart.hostname}` });
const cartPod = pod('cart', '10.0.0.2', backs(exported));
const named = pod('cart', '10.0.0.2', backs(exported, 7070));
const withdrawn = { ...cartPod, services: new Map() };
const [west, south, east] = ['west', 'south', 'east'].map((cluster) => ({ cluster }));

describe('the grant, at the destination', () => {
  const cases: readonly {
    readonly name: string;
    readonly peer: { cluster: string } | undefined;
    readonly port?: number;
    readonly service?: Service;
    readonly workload?: typeof cartPod;
    readonly services?: readonly Service[];
    readonly others?: readonly (typeof cartPod)[];
    readonly allowed: boolean;
  }[] = [
    { name: 'covers a caller of a granted cluster', peer: west, allowed: true },
    { name: 'covers the service that the CONNECT named', peer: west, service: exported, allowed: true },
    { name: 'covers not a caller of another cluster', peer: south, allowed: false },
    {
      name: 'covers not a caller of another cluster by name',
      peer: south,
      service: exported,
      allowed: false,
    },
    { name: 'covers not another port of the same pod', peer: west, port: 9090, allowed: false },
    {
      name: 'covers not another service of the same pod',
      peer: west,
      port: 9090,
      service: admin,
      allowed: false,
    },
    { name: 'covers nothing that is not exported', peer: west, services: [cart], allowed: false },
    {
      name: 'exported to nobody covers nobody',
      peer: west,
      services: [{ ...exported, grantedClusters: [] }],
      allowed: false,
    },
    {
      name: 'granted and not exported covers nobody',
      peer: west,
      services: [{ ...exported, exported: false }],
      allowed: false,
    },
    {
      name: 'covers the port that the endpoint says',
      peer: west,
      port: 7070,
      workload: named,
      allowed: true,
    },
    {
      name: 'covers not the port that it does not say',
      peer: west,
      port: 8080,
      workload: named,
      allowed: false,
    },
    { name: 'is not asked of the own cluster', peer: east, port: 9090, allowed: true },
    { name: 'is not asked of plaintext, which policies judge', peer: undefined, port: 9090, allowed: true },
    { name: 'holds while the workload is withdrawn', peer: west, workload: withdrawn, allowed: true },
    { name: 'widens no port while it is', peer: west, port: 9090, workload: withdrawn, allowed: false },
    {
      name: 'holds while one of its services is withdrawn',
      peer: west,
      workload: pod('cart', '10.0.0.2', backs(admin)),
      allowed: true,
    },
    {
      name: 'of a service that others back is not its own',
      peer: west,
      workload: withdrawn,
      others: [pod('another', '10.0.0.3', backs(exported))],
      allowed: false,
    },
    {
      name: 'of another namespace is not its own',
      peer: west,
      workload: withdrawn,
      services: [foreign],
      allowed: false,
    },
  ];
  for (const {
    name,
    peer,
    port = 8080,
    service,
    workload = cartPod,
    others = [],
    services = [exported, admin],
    allowed,
  } of cases)
    it(name, () => {
      const refusal = grantRefusal(stateOf([workload, ...others], services), {
        workload,
        port,
        service: service?.key,
        peer,
      });
      assert.equal(refusal === undefined, allowed, refusal?.message);
    });
});
