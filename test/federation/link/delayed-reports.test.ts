import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { Metadata, type ServerDuplexStream } from '@grpc/grpc-js';
import { defaultLimits } from '@isthmus/api/domain/limits.ts';
import { contentVersion } from '@isthmus/api/wire/binary.ts';
import * as wire from '@isthmus/api/wire/link.ts';
import { conditionsOf } from '@isthmus/federation/conditions/conditions.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { AgentSync } from '../../../federation/link/agent-sync.ts';
import type { AgentLink } from '../../../federation/link/agent-link.ts';
import { hubPorts } from '../../../federation/link/hub-ports.ts';
import { Interest } from '../../../federation/link/interest.ts';
import { Rounds } from '../../../federation/link/rounds.ts';
import { TakenReports } from '../../../federation/link/taken-reports.ts';
import { Acknowledgements } from '../../../federation/observation/acknowledgements.ts';
import { aService } from '../../fakes/agent.ts';
import { Federation } from '../../fakes/federation.ts';

const perSecond = 10;
/** Twenty seconds of the rate may come at once. */
const burst = 20 * perSecond;

/** The stream of an agent: it keeps the nonces of the responses that the hub has answered. */
class FakeCall extends EventEmitter {
  readonly metadata = new Metadata();
  readonly answered: string[] = [];

  write(message: wire.SyncMessage): boolean {
    if (message.kind === 'request' && message.request.nonce !== '') this.answered.push(message.request.nonce);
    return true;
  }
}

describe('reports of a cluster per second', () => {
  let hub: Federation;
  let call: FakeCall;
  let sync: AgentSync;
  let revision = 0n;

  beforeEach(async () => {
    hub = await Federation.start('east', 'west');
    hub.report('east', {});
    hub.report('west', {});
    const unused = {} as never;
    const { live, store, observations, catalog, runner, clock, random } = hub;
    const limits = { ...defaultLimits, reportsPerSecond: perSecond };
    const ports = hubPorts({
      live,
      store,
      observations,
      catalog,
      runner,
      clock,
      random,
      log: silentLog,
      ca: unused,
      provider: unused,
      limits,
    });
    catalog.start(hub.now);
    const { trustDomain, membership } = hub.member('east');
    const link = {
      agent: { cluster: 'east', membership, trustDomain },
      leads: true,
      end: (why: string) => assert.fail(why),
    };
    const taken = new TakenReports(clock, limits, { reports: new Map(), shared: new Acknowledgements() });
    call = new FakeCall();
    sync = new AgentSync(
      link as unknown as AgentLink,
      call as unknown as ServerDuplexStream<wire.SyncMessage, wire.SyncMessage>,
      ports,
      { ...taken.of('east'), interest: new Interest(), rounds: new Rounds({ add: (run) => run() }) },
    );
  });
  afterEach(() => {
    sync.stop();
    hub.end();
  });

  /** One response with so many services, whose nonce is given. */
  const report = (count: number): string => {
    const nonce = `n${++revision}`;
    const resources = Array.from({ length: count }, (_, i) => {
      const body = wire.serviceReport.encode(aService(`s${i}`, { hostname: `${nonce}.s${i}.example` }));
      return { name: `shop/s${i}`, version: contentVersion(body), body };
    });
    const systemVersion = { epoch: 1n, revision };
    const response = { type: 'service', nonce, systemVersion, resources, removed: [], complete: true };
    sync.hear({ kind: 'response', response });
    return nonce;
  };
  const conditions = (cluster = 'east') => conditionsOf(hub.now, cluster);

  for (const count of [burst - 1, burst])
    it(`${count} at once, where ${burst} may come at once, are taken at once and are no condition`, () => {
      assert.ok(call.answered.includes(report(count)));
      assert.deepEqual([hub.now.observed.get('east')?.services.size, conditions()], [count, []]);
    });

  it('more than that are taken late, and a condition names the cluster, the limit and the remedy until they are', async () => {
    const nonce = report(burst + 1);
    assert.equal(call.answered.includes(nonce), false);
    assert.equal(hub.now.observed.get('east')?.services.size, 0);
    const [condition, ...others] = conditions();
    assert.deepEqual(
      [condition?.reason, condition?.severity, others.length],
      ['REPORTS_DELAYED', 'WARNING', 0],
    );
    assert.match(
      condition?.message ?? '',
      /^the agent of east reports more changes a second than the 10 that/,
    );
    assert.match(condition?.remedy ?? '', /in east, or .*--cluster-limits \(reportsPerSecond\)/);
    assert.deepEqual(conditions('west'), []);
    await hub.clock.advance(99);
    assert.deepEqual(conditions(), [condition]);
    await hub.clock.advance(1);
    assert.equal(call.answered.at(-1), nonce);
    assert.deepEqual([hub.now.observed.get('east')?.services.size, conditions()], [burst + 1, []]);
  });

  it('a cluster that keeps to its rate afterwards has no condition, and has one again when it does not', async () => {
    report(burst + 1);
    await hub.clock.advance(100);
    for (let second = 0; second < 5; second++) {
      await hub.clock.advance(1000);
      assert.ok(call.answered.includes(report(perSecond)));
      assert.deepEqual(conditions(), []);
    }
    report(1);
    assert.deepEqual(
      conditions().map(({ reason }) => reason),
      ['REPORTS_DELAYED'],
    );
    await hub.clock.advance(100);
    assert.deepEqual(conditions(), []);
  });
});
