import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import fc from 'fast-check';
import { encodeAuthorization } from '@isthmus/api/wire/authorization.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { encodeWorkload } from '@isthmus/api/wire/workload.ts';
import { judgeArrival } from '@isthmus/mesh/decide/arrival.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import type { Authorization } from '@isthmus/mesh/rbac/authorization.ts';
import { seen } from '@isthmus/mesh/rbac/matching.ts';
import { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import type { ProxyConfig } from '@isthmus/ztunnel/configuration.ts';
import { Engine } from '@isthmus/ztunnel/engine/engine.ts';
import { FakeCapture } from '../../fakes/capture.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { aMatch, anAuthorization, aWorkload } from '../../fakes/records.ts';
import { Signal } from '../../fakes/xds-world.ts';

const config = {
  mode: 'shared',
  node: 'n1',
  cluster: 'east',
  network: 'n',
  resolvers: { nameservers: [], search: [] },
} as Partial<ProxyConfig> as ProxyConfig;
const caller = '10.0.0.1';
const called = { address: '10.0.0.2', port: 8080 };
const server = aWorkload({
  uid: 'east//Pod/shop/server',
  node: 'n1',
  network: 'n',
  addresses: [called.address],
});

const workloads: fc.Arbitrary<readonly Workload[]> = fc
  .record({
    strict: fc.constantFrom(false, false, true),
    named: fc.subarray(['shop/p', 'shop/q']),
    bearer: fc.constantFrom(undefined, 'n', 'n2'),
    isGateway: fc.boolean(),
  })
  .map(({ strict, named, bearer, isGateway }) => [
    { ...server, strict, authorizationPolicies: named },
    ...(bearer === undefined
      ? []
      : [aWorkload({ uid: 'caller', network: bearer, addresses: [caller], eastWestGateway: isGateway })]),
  ]);

const policies: fc.Arbitrary<readonly Authorization[]> = fc.uniqueArray(
  fc
    .record({
      key: fc.constantFrom('shop/p', 'shop/q', 'shop/r'),
      scope: fc.constantFrom('NAMESPACE' as const, 'WORKLOAD_SELECTOR' as const),
      action: fc.constantFrom('ALLOW' as const, 'DENY' as const),
      rules: fc.constantFrom(
        [[]],
        [[[aMatch({ destinationPorts: [8080] })]]],
        [[[aMatch({ sourceIps: [{ address: '10.0.0.7', prefix: 32 }] })]]],
        [[[aMatch({ destinationIps: [{ address: called.address, prefix: 32 }] })]]],
      ),
    })
    .map((over) => anAuthorization({ name: over.key, ...over })),
  { selector: ({ key }) => key },
);

describe('what is explained and what is done', () => {
  const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  before(async () => {
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
  });
  after(() => listener.close());

  /** One connection to the pod: why it was refused, undefined when its application was dialled. */
  async function served(
    all: readonly Workload[],
    rules: readonly Authorization[],
  ): Promise<string | undefined> {
    const [clock, signal] = [new FakeClock(), new Signal()];
    const lines: string[] = [];
    let capture: FakeCapture | undefined;
    const engine = new Engine({
      config,
      clock,
      random: systemRandom,
      log: silentLog,
      tap: undefined,
      l7: undefined,
      say: () => undefined,
      access(line) {
        lines.push(line);
        signal.ring();
        return true;
      },
      capture: (deps) => (capture = new FakeCapture(deps)),
    });
    const addresses = all.map((one) => ({ name: one.uid, version: '', body: encodeWorkload(one) }));
    const authorizations = rules.map((one) => ({
      name: one.key,
      version: '',
      body: encodeAuthorization(one),
    }));
    engine.hear({ kind: 'delta', type: typeUrls.address, resources: addresses, removed: [] });
    engine.hear({ kind: 'delta', type: typeUrls.authorization, resources: authorizations, removed: [] });
    engine.hear({ kind: 'synced' });
    const client = connect({ host: '127.0.0.1', port: (listener.address() as AddressInfo).port });
    const [socket] = (await once(listener, 'connection')) as [Socket];
    const from = { address: caller, port: 4000 };
    const pod = { kind: 'uid', uid: server.uid } as const;
    capture?.arrive({ role: 'inbound', socket, from, pod, original: called });
    await clock.advance(5000);
    await signal.until(() => lines.length > 0);
    client.destroy();
    return capture?.dials.length === 1 ? undefined : /error="(.*)"/.exec(lines[0] ?? '')?.[1];
  }

  /** The same by the function that explains. */
  function explained(all: readonly Workload[], rules: readonly Authorization[]): string | undefined {
    const state = new MeshState();
    state.applyAddresses(
      all.map((workload) => ({ kind: 'workload', workload })),
      [],
    );
    state.applyAuthorizations(rules, []);
    const [workload = server] = all;
    const source = { address: caller, identity: undefined };
    const facts = seen({ source, destination: { ...called, workload } });
    const rest = { sourceAddress: caller, peer: undefined, port: called.port, service: undefined };
    const verdict = judgeArrival(state, { facts, workload, ...rest });
    return verdict.kind === 'allowed' ? undefined : verdict.message;
  }

  it('are the same for any state', async () => {
    await fc.assert(
      fc.asyncProperty(workloads, policies, async (all, rules) => {
        const [done, explanation] = [await served(all, rules), explained(all, rules)];
        if (explanation === undefined) assert.equal(done, undefined);
        else assert.ok(done?.endsWith(explanation), `${done ?? 'it was served'}, and not: ${explanation}`);
      }),
      { numRuns: 100 },
    );
  });
});
