import assert from 'node:assert/strict';
import fc from 'fast-check';
import { maxHosts, serviceAddresses } from '../../../federation/outside/service-addresses.ts';

const ports = [
  { name: 'link', port: 15101 },
  { name: 'join', port: 15102 },
];
const service = (ingress: readonly object[] | undefined, spec: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'hub', namespace: 'isthmus-system' },
  spec: { type: 'LoadBalancer', ports, clusterIP: '10.0.0.7', ...spec },
  status: { loadBalancer: ingress ? { ingress } : {} },
});
const read = (object: unknown) => serviceAddresses('isthmus-system/hub', object);
const hostsOf = (object: unknown) => {
  const result = read(object);
  return result.ok ? result.value.hosts : result.error.message;
};

describe('the addresses of the Service before a hub', () => {
  it('are the IP addresses and host names of its load balancer, and its own ports', () => {
    assert.deepEqual(read(service([{ ip: '192.0.2.7', ipMode: 'VIP' }, { hostname: 'a.elb.example' }])), {
      ok: true,
      value: { hosts: ['192.0.2.7', 'a.elb.example'], linkPort: 15101, joinPort: 15102 },
    });
    assert.deepEqual(hostsOf(service([{ ip: '2001:db8::7' }, { ip: '2001:db8::7' }])), ['2001:db8::7']);
  });

  for (const [what, object, message, remedy] of [
    [
      'no address yet',
      service(undefined),
      /has no address yet/,
      /hub\.urls\.link .* in place of --outside-service/,
    ],
    ['an empty list', service([]), /has no address yet/, /EXTERNAL-IP/],
    [
      'a null list',
      { ...service(undefined), status: { loadBalancer: { ingress: null } } },
      /no address yet/,
      /./,
    ],
    ['no status', { ...service(undefined), status: undefined }, /has no address yet/, /./],
    ['another type', service(undefined, { type: 'ClusterIP' }), /is of type ClusterIP/, /type LoadBalancer/],
    ['a node port', service(undefined, { type: 'NodePort' }), /is of type NodePort/, /hub\.urls\.join/],
    [
      'no port link',
      service([], { ports: ports.slice(1) }),
      /has no port named link/,
      /ports named link and join/,
    ],
    ['no port join', service([], { ports: ports.slice(0, 1) }), /has no port named join/, /./],
    ['no ports', service([], { ports: undefined }), /has no port named link/, /./],
    ['no spec', { kind: 'Service' }, /is not a Service that can be read/, /kubectl/],
  ] as const)
    it(`are not known of one with ${what}, and it says why and what to do`, () => {
      const result = read(object);
      assert.ok(!result.ok);
      assert.match(result.error.message, message);
      assert.match(result.error.remedy, remedy);
    });

  it('pass over what is neither an address nor a name', () => {
    assert.deepEqual(
      hostsOf(service([{ ip: 'nowhere' }, { hostname: 'a b' }, {}, { hostname: 'b.example' }])),
      ['b.example'],
    );
  });

  for (const count of [maxHosts - 1, maxHosts, maxHosts + 1])
    it(`are ${maxHosts} at most, of ${count}`, () => {
      const ingress = Array.from({ length: count }, (_, i) => ({ ip: `192.0.2.${i}` }));
      assert.equal(hostsOf(service(ingress)).length, Math.min(count, maxHosts));
    });

  it('are never read from what is no Service without saying so', () => {
    fc.assert(
      fc.property(fc.anything(), (object) => {
        const result = read(object);
        assert.ok(result.ok || result.error.remedy !== '');
      }),
    );
  });
});
