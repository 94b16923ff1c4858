import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Condition } from '@isthmus/api/domain/condition.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { AgentStatus, serveStatus } from '@isthmus/cluster-agent/telemetry/status.ts';
import { Rejections } from '@isthmus/cluster-agent/view/rejections.ts';
import { removeCluster, revokeCluster } from '@isthmus/federation/registry/membership.ts';
import { HubStatus } from '@isthmus/federation/telemetry/status.ts';
import { countedStore } from '@isthmus/federation/telemetry/counted-store.ts';
import { memoryStore } from '@isthmus/federation/store/memory.ts';
import type { Store } from '@isthmus/federation/store/store.ts';
import { LinkCa, mintLinkCa } from '@isthmus/federation/trust/link-ca.ts';
import { day } from '@isthmus/mesh/pki/issue.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { TestAgent, until } from '../fakes/agent.ts';
import { aSealing } from '../fakes/authority.ts';
import { FakeClock } from '../fakes/clock.ts';
import { Federation } from '../fakes/federation.ts';
import { startTestHub, type TestHub } from '../fakes/hub.ts';

/** Series of a page as `name{labels}` to value. */
const seriesOf = (page: string): Readonly<Record<string, number>> =>
  Object.fromEntries(
    page
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
const failing = (checks: readonly { readonly name: string; readonly problem: string | undefined }[]) =>
  checks.flatMap(({ name, problem }) => (problem === undefined ? [] : [`${name}: ${problem}`]));

describe('the status pages of a hub', () => {
  let hub: TestHub;
  let stateDir = '';
  const agents: TestAgent[] = [];
  before(async () => {
    stateDir = mkdtempSync(join(tmpdir(), 'isthmus-hub-'));
    hub = await startTestHub({ octet: 244, stateDir, store: 'sqlite' });
  });
  after(async () => {
    for (const agent of agents) agent.end();
    await hub.stop();
    rmSync(stateDir, { recursive: true });
  });
  const page = async (path: string) => (await fetch(`${hub.adminUrl}${path}`)).text();

  it('are ready, and count commits, links and refused reports', async () => {
    assert.equal(await page('/livez'), 'ok\n');
    assert.equal(await page('/readyz'), 'ok\n');
    assert.match(await page('/readyz?verbose'), /^\[\+\]started ok\n\[\+\]leadership ok\n\[\+\]store ok\n/);
    const before = seriesOf(await page('/metrics'));
    assert.equal(before['isthmus_hub_epoch'], 1);
    assert.equal(before['isthmus_hub_links_connected'], 0);
    assert.equal(before['isthmus_hub_fenced'], 0);
    const east = await new TestAgent('east', '127.244.16.1').join(hub);
    agents.push(east);
    east.report('service', 'shop/odd', Buffer.from([0xff]));
    east.connect();
    await until(
      async () => seriesOf(await page('/metrics'))['isthmus_hub_reports_refused_total{cluster="east"}'] === 1,
    );
    const now = seriesOf(await page('/metrics'));
    assert.equal(now['isthmus_hub_links_connected'], 1);
    assert.equal(now['isthmus_hub_clusters{admission="ADMITTED"}'], 1);
    assert.equal(now['isthmus_hub_ready'], 1);
    const committed = 'isthmus_hub_commits_total{result="committed"}';
    assert.ok((now[committed] ?? 0) >= (before[committed] ?? 0) + 2);
  });
});

describe('a hub’s readiness', () => {
  const clock = new FakeClock();
  const ca = LinkCa.open(
    mintLinkCa('hub', { ...aSealing, now: clock.now() }),
    aSealing.provider,
    clock,
    aSealing.random,
  );
  const { chain } = ca.issueServer(['127.0.0.1']);

  it('counts refused reports of the clusters that there are', async () => {
    const federation = await Federation.start('east', 'west');
    const status = new HubStatus(countedStore(memoryStore()), clock, () => chain);
    status.serves(federation.live);
    status.reportsRefused('east', 2);
    status.reportsRefused('west', 3);
    const refused = async () =>
      Object.entries(seriesOf((await status.metrics()).text)).filter(([name]) =>
        /reports_refused/.test(name),
      );
    assert.equal((await refused()).length, 2);
    await federation.run(revokeCluster, { cluster: 'west' });
    await federation.run(removeCluster, { cluster: 'west' });
    await federation.turn();
    assert.deepEqual(await refused(), [['isthmus_hub_reports_refused_total{cluster="east"}', 2]]);
    federation.end();
  });

  it('waits for the start, is degraded when nothing can be stored, and fails when the store cannot be followed, when it is fenced, and when its certificate is over', async () => {
    const federation = await Federation.start();
    const store = memoryStore();
    let problem: string | undefined;
    const watched: Store = {
      ...store,
      get problem() {
        return problem;
      },
    };
    const status = new HubStatus(countedStore(watched), clock, () => chain);
    assert.deepEqual(failing(status.readiness()), ['started: the hub is starting']);
    status.leads(await store.lead());
    status.serves(federation.live);
    assert.deepEqual(failing(status.readiness()), []);
    problem = 'hub.db cannot be written: the disk is full';
    assert.deepEqual(failing(status.readiness()), [], 'what is stored is served');
    const degraded = status.readiness().find(({ name }) => name === 'store')?.degraded;
    assert.deepEqual(degraded, [problem]);
    problem = undefined;
    const live = { current: federation.now, onChange: () => () => undefined, problem: 'no revision after 7' };
    status.serves(live);
    assert.deepEqual(failing(status.readiness()), ['store: no revision after 7']);
    status.serves(federation.live);
    await store.lead();
    await Promise.resolve();
    assert.equal(seriesOf((await status.metrics()).text)['isthmus_hub_fenced'], 1);
    assert.match(failing(status.readiness()).join(), /leadership: another hub has taken epoch 2/);
    await clock.advance(366 * day);
    assert.match(
      failing(status.readiness()).join(),
      /link-certificate: the certificate of the link expired on/,
    );
    federation.end();
  });
});

describe('the status pages of an agent', () => {
  const clock = new FakeClock();
  const state = {
    synced: false,
    complete: false,
    until: undefined as number | undefined,
    connected: false,
    conditions: [] as readonly Condition[],
    unwritten: [] as readonly Condition[],
  };
  const status = new AgentStatus({
    runtime: { unlisted: () => 'the manifests have not been listed yet', conditions: () => state.conditions },
    parts: { written: () => state.unwritten },
    view: {
      get synced() {
        return state.synced;
      },
      rejections: new Rejections(),
      podCount: 0,
    },
    hubStore: {
      get complete() {
        return state.complete;
      },
    },
    issuer: {
      get currentUntil() {
        return state.until;
      },
    },
    xds: { connectedClients: () => [{ kind: 'ztunnel', unanswered: 2 }] as never },
    link: {
      get connected() {
        return state.connected;
      },
    },
    hubEpoch: () => 7n,
    clock,
  });

  it('are not ready before the cluster was listed, the hub heard whole and an intermediate active', () => {
    const reasons = ['manifests: ', 'hub-state: ', 'intermediate: no intermediate is active'];
    for (const settle of [
      () => (state.synced = true),
      () => (state.complete = true),
      () => (state.until = clock.now() + 1000),
    ]) {
      const seen = failing(status.readiness());
      assert.equal(seen.length, reasons.length);
      seen.forEach((one, i) => assert.ok(one.startsWith(reasons[i] ?? 'none'), one));
      settle();
      reasons.shift();
    }
    assert.deepEqual(failing(status.readiness()), []);
  });

  it('stay ready when a part of the cluster cannot be read, and name it with the remedy', () => {
    const about = {
      type: 'ClusterRead',
      status: 'False',
      reason: 'KIND_FORBIDDEN',
      severity: 'ERROR',
    } as const;
    const said = { object: '', message: 'list of gateways: 403', remedy: 'give the verb list' };
    state.conditions = [{ ...about, ...said }];
    assert.deepEqual(failing(status.readiness()), []);
    assert.deepEqual(
      status.readiness().flatMap(({ degraded = [] }) => degraded),
      ['list of gateways: 403: give the verb list'],
    );
    state.conditions = [];
    state.unwritten = [{ ...about, ...said, message: 'patch of services: 429' }];
    assert.deepEqual(failing(status.readiness()), []);
    assert.deepEqual(
      status.readiness().flatMap(({ name, degraded = [] }) => degraded.map((what) => `${name} ${what}`)),
      ['written patch of services: 429: give the verb list'],
    );
    state.unwritten = [];
  });

  it('stay ready without the hub, until the intermediate is over', async () => {
    assert.equal(state.connected, false);
    assert.deepEqual(failing(status.readiness()), []);
    await clock.advance(999);
    assert.deepEqual(failing(status.readiness()), []);
    await clock.advance(1);
    assert.match(failing(status.readiness()).join(), /intermediate expired on .*must reach the hub/);
  });

  it('count streams, acknowledgements, signatures and refusals, and serve them on a port of their own', async () => {
    status.signed();
    status.refused('BAD_CSR');
    const refused = new Map([['shop/p', { version: '1', reason: 'odd' }]]);
    status.answered({
      type: typeUrls.authorization,
      applied: new Map(),
      removed: [],
      rejected: refused,
    } as never);
    const stop = new AbortController();
    const at = { host: '127.244.17.1', port: 15_014 };
    await serveStatus(status, at, silentLog, stop.signal);
    await assert.rejects(serveStatus(status, at, silentLog, stop.signal), {
      code: 'LISTEN_FAILED',
      message: /127\.244\.17\.1:15014: EADDRINUSE.*--admin-listen/,
    });
    const series = seriesOf(await (await fetch(`http://${at.host}:${at.port}/metrics`)).text());
    assert.equal(series['isthmus_agent_xds_streams{kind="ztunnel"}'], 1);
    assert.equal(series['isthmus_agent_acknowledgements_pending'], 2);
    assert.equal(series['isthmus_agent_certificates_signed_total'], 1);
    assert.equal(series['isthmus_agent_certificates_refused_total{code="BAD_CSR"}'], 1);
    assert.equal(series[`isthmus_agent_proxy_rejections_total{type="${typeUrls.authorization}"}`], 1);
    assert.equal(series['isthmus_agent_hub_epoch'], 7);
    assert.equal(series['isthmus_agent_link_connected'], 0);
    assert.equal(series['isthmus_agent_intermediate_expiry_timestamp_seconds'], (state.until ?? 0) / 1000);
    stop.abort();
  });
});
