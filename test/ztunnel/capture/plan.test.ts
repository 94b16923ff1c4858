import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MeshState, type Address } from '@isthmus/mesh/state/mesh-state.ts';
import type { ProxyConfig } from '@isthmus/ztunnel/configuration.ts';
import { Plan, type PlanChange, type Wanted } from '@isthmus/ztunnel/capture/loopback/plan.ts';
import { aService, aWorkload } from '../../fakes/records.ts';

const config = { mode: 'shared', node: 'n1', cluster: 'east', network: 'n' } as ProxyConfig;
const places = ['127.1.0.1', '127.1.0.2', '127.1.0.3'];

const workloads = fc
  .record({
    uid: fc.constantFrom('a', 'b', 'c'),
    address: fc.constantFrom(...places),
    node: fc.constantFrom('n1', 'n1', 'n2'),
    sidecar: fc.boolean(),
    capturedPorts: fc.subarray([80, 90]),
  })
  .map(({ address, ...over }): Address => ({
    kind: 'workload',
    workload: aWorkload({ ...over, network: 'n', addresses: [address] }),
  }));

const services = fc
  .record({
    name: fc.constantFrom('x', 'y'),
    address: fc.constantFrom(...places),
    ports: fc.subarray([80, 90]),
  })
  .map(({ name, address, ports }): Address => ({
    kind: 'service',
    service: aService({
      name,
      addresses: [{ network: 'n', address, prefix: undefined }],
      ports: ports.map((servicePort) => ({ servicePort, targetPort: 1 })),
    }),
  }));

const changes = fc.array(
  fc.record({
    upserts: fc.array(fc.oneof(workloads, services), { maxLength: 3 }),
    removed: fc.array(fc.constantFrom('a', 'b', 'c', aService({ name: 'x' }).key), { maxLength: 2 }),
  }),
  { maxLength: 12 },
);

function put(open: Map<string, Wanted>, change: PlanChange): void {
  for (const [place, wanted] of change)
    if (wanted) open.set(place, wanted);
    else open.delete(place);
}

const sorted = (open: ReadonlyMap<string, Wanted>) => [...open].sort(([a], [b]) => (a < b ? -1 : 1));

describe('the listeners of loopback capture', () => {
  it('follow changes to what a whole plan asks for', () => {
    fc.assert(
      fc.property(changes, (all) => {
        const state = new MeshState();
        const plan = new Plan(state, config);
        const open = new Map<string, Wanted>();
        put(open, plan.first());
        for (const { upserts, removed } of all) {
          put(open, plan.follow(state.applyAddresses(upserts, removed)));
          const whole = new Map<string, Wanted>();
          put(whole, new Plan(state, config).first());
          assert.deepEqual(sorted(open), sorted(whole));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('are computed for what was touched, and for nothing else', () => {
    const state = new MeshState();
    const asWorkload = (uid: string, over: object = {}): Address => ({
      kind: 'workload',
      workload: aWorkload({ uid, network: 'n', addresses: ['127.1.0.1'], node: 'n1', ...over }),
    });
    state.applyAddresses([asWorkload('a'), asWorkload('far', { node: 'n2' })], []);
    const plan = new Plan(state, config);
    assert.deepEqual([...plan.first().keys()].sort(), [
      '127.1.0.1:15008',
      '127.1.0.1:15053',
      '127.1.0.1:15080',
    ]);
    const far = state.applyAddresses([asWorkload('far', { node: 'n2', status: 'UNHEALTHY' })], []);
    assert.equal(plan.follow(far).size, 0);
    const gone = plan.follow(state.applyAddresses([], ['a']));
    assert.deepEqual([...gone.values()], [undefined, undefined, undefined]);
  });

  it('of a gateway are its own two, whatever changes', () => {
    const plan = new Plan(new MeshState(), { ...config, mode: 'gateway', address: '127.1.0.9' });
    assert.deepEqual([...plan.first().keys()], ['127.1.0.9:15008', '127.1.0.9:15443']);
  });
});
