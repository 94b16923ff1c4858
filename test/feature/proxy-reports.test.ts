import assert from 'node:assert/strict';
import type { ClientId } from '@isthmus/cluster-agent/keys/names.ts';
import { writeFileSync } from 'node:fs';
import { Client, credentials, status, type ClientWritableStream } from '@grpc/grpc-js';
import { openWriting } from '@isthmus/api/grpc/call.ts';
import { proxyReportingService } from '@isthmus/api/grpc/services.ts';
import { emptyReport, proxyReportLimits } from '@isthmus/api/domain/proxy-report.ts';
import type { ReadReport } from '@isthmus/api/domain/proxy-report.ts';
import { serveReports, type ServedReports } from '@isthmus/cluster-agent/proxies/serve-reports.ts';
import { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import { systemClock, type Clock } from '@isthmus/mesh/process/clock.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { readText } from '@isthmus/mesh/process/read-text.ts';
import { noFacts, type ProxyFacts } from '@isthmus/ztunnel/report/facts.ts';
import { Reporter } from '@isthmus/ztunnel/report/reporter.ts';
import { openReports } from '@isthmus/ztunnel/report/stream.ts';
import { XdsClient } from '@isthmus/ztunnel/xds/client.ts';
import { proxyTypes } from '@isthmus/api/wire/type-urls.ts';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { FakeClock } from '../fakes/clock.ts';
import { emptySnapshot, ourNode, Signal, XdsWorld } from '../fakes/xds-world.ts';
import { holds } from '../fakes/turns.ts';

const node = ourNode('ztunnel', 'ztunnel-1');

describe('reports of proxies about themselves', () => {
  let world: XdsWorld;
  let served: ServedReports;
  let clock: FakeClock | undefined;
  const heard = new Signal();
  const stops: (() => unknown)[] = [];

  async function start(at: Clock = systemClock): Promise<void> {
    const view = new ClusterView();
    world = await XdsWorld.start(
      {
        onClient: () => heard.ring(),
        onLost: (client) => {
          served.lost(client);
          heard.ring();
        },
      },
      (server) => {
        served = serveReports(server, {
          identity: { cluster: 'east', trustDomain: 'cluster.local' as TrustDomain },
          view,
          hub: { view: { members: new Map() } },
          snapshot: () => emptySnapshot,
          addresses: {
            kind: 'PER_CLIENT',
            of: () => [],
            isOf: (_client, address) => address === '127.9.9.9',
            published: () => undefined,
          },
          health: { certificateReported: () => heard.ring(), issuedByProxy: () => new Map() },
          refusalOf: () => undefined,
          clock: at,
          log: silentLog,
        });
      },
    );
    writeFileSync(world.path('token'), 'bound\n');
    world.publish(emptySnapshot);
    stops.push(() => world.stop());
  }

  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
    clock = undefined;
  });

  /** A proxy of ours with its xDS stream and its reports. */
  function proxy(facts: () => ProxyFacts) {
    const reporter = new Reporter({
      clock: systemClock,
      facts,
      sender: { nodeId: node.id, startedAt: 1000 },
    });
    const stop = new AbortController();
    let channel: Client | undefined;
    const client = new XdsClient(
      {
        address: `127.0.0.1:${world.port}`,
        rootCaFile: world.path('root.pem'),
        tokenFile: world.path('token'),
        clusterId: 'east',
        node,
        types: proxyTypes,
        localAddress: '',
      },
      {
        clock: systemClock,
        random: systemRandom,
        log: silentLog,
        apply: () => [],
        onStream(own, headers) {
          channel = own;
          const end = openReports(own, headers, reporter, silentLog);
          heard.ring();
          return end;
        },
      },
    );
    const running = client.run(stop.signal);
    stops.push(() => {
      stop.abort();
      return running;
    });
    return {
      reporter,
      stop: () => stop.abort(),
      channel: async () => {
        await heard.until(() => channel !== undefined);
        return channel!;
      },
    };
  }

  const id = 'ztunnel/istio-system/ztunnel-1' as ClientId;

  it('reach the agent on the channel of their xDS stream, and are kept by proxy', async () => {
    await start();
    const place = { address: '127.9.9.9', port: 80 };
    proxy(() => ({
      ...noFacts,
      openConnections: 3,
      unbound: new Map([['127.9.9.9:80', { place, code: 'EACCES' }]]),
    }));
    await holds(() => served.reports.of(id)?.openConnections === 3);
    assert.deepEqual([...served.reports.of(id)!.unbound.values()], [{ place, code: 'EACCES' }]);
    assert.equal(served.reports.of(id)!.startedAt, 1000);
  });

  it('say nothing of identities that the proxy may not have', async () => {
    await start();
    const identity = 'spiffe://cluster.local/ns/shop/sa/cart';
    const certificate = { identity, serial: 'ab', issuerKeyId: 'cd', notAfter: 5, problem: '' };
    proxy(() => ({ ...noFacts, certificates: new Map([[identity, certificate]]) }));
    await holds(() => served.reports.of(id)?.refused.count === 1);
    assert.equal(served.reports.of(id)!.certificates.size, 0);
  });

  it('are forgotten five seconds after the xDS stream has ended', async () => {
    clock = new FakeClock();
    await start(clock);
    const one = proxy(() => noFacts);
    await holds(() => served.reports.of(id) !== undefined);
    one.stop();
    await holds(() => world.server.connectedClients().length === 0);
    await clock.advance(4999);
    assert.equal(served.reports.size, 1);
    await clock.advance(1);
    assert.equal(served.reports.size, 0);
  });

  const token = () => ({ authorization: `Bearer ${readText(world.path('token')).trim()}` });
  const report = (part: Partial<ReadReport> = {}): ReadReport => ({ ...emptyReport, refused: [], ...part });

  function write(
    client: Client,
    send: (stream: ClientWritableStream<ReadReport>) => unknown,
    headers: Record<string, string> = token(),
  ): Promise<number> {
    return new Promise((resolve) => {
      const stream = openWriting(client, proxyReportingService.report, headers, (error) =>
        resolve(error?.code ?? status.OK),
      );
      stream.on('error', () => undefined);
      send(stream);
    });
  }

  it('are refused on another connection than that of the xDS stream', async () => {
    await start();
    proxy(() => noFacts);
    await holds(() => world.server.connectedClients().length === 1);
    const { createSsl } = credentials;
    const other = new Client(
      `127.0.0.1:${world.port}`,
      createSsl(Buffer.from(readText(world.path('root.pem')))),
    );
    stops.push(() => other.close());
    const code = await write(other, (stream) => stream.write(report({ nodeId: node.id })));
    assert.equal(code, status.FAILED_PRECONDITION);
  });

  it('are refused without a token, with an unreadable node id, and in the name of another namespace', async () => {
    await start();
    const channel = await proxy(() => noFacts).channel();
    const first = (nodeId: string) => (stream: ClientWritableStream<ReadReport>) =>
      stream.write(report({ nodeId }));
    assert.equal(await write(channel, first(node.id), {}), status.UNAUTHENTICATED);
    assert.equal(await write(channel, first('ztunnel')), status.INVALID_ARGUMENT);
    const foreign = ourNode('ztunnel', 'ztunnel-1', 'shop').id;
    assert.equal(await write(channel, first(foreign)), status.PERMISSION_DENIED);
  });

  for (const [count, code] of [
    [proxyReportLimits.burst - 2, status.OK],
    [proxyReportLimits.burst - 1, status.OK],
    [proxyReportLimits.burst, status.RESOURCE_EXHAUSTED],
  ] as const)
    it(`${count} at once, after one on an earlier stream of the connection, end with ${status[code]}`, async () => {
      clock = new FakeClock();
      await start(clock);
      const channel = await proxy(() => noFacts).channel();
      const ended = await write(channel, (stream) => {
        for (let i = 0; i < count; i++) stream.write(report({ nodeId: i === 0 ? node.id : '' }));
        stream.end();
      });
      assert.equal(ended, code);
    });

  it('are forgotten five seconds after they have ended, also while the xDS stream stays', async () => {
    clock = new FakeClock();
    await start(clock);
    const channel = await proxy(() => noFacts).channel();
    await holds(() => served.reports.of(id) !== undefined);
    const ended = await write(channel, (stream) => {
      stream.write(report({ nodeId: node.id }));
      stream.end();
    });
    assert.equal(ended, status.OK);
    await clock.advance(4999);
    assert.equal(served.reports.size, 1);
    await clock.advance(1);
    assert.equal(served.reports.size, 0);
    assert.equal(world.server.connectedClients().length, 1);
  });

  it('that are longer than 64 KiB end the stream', async () => {
    await start();
    const channel = await proxy(() => noFacts).channel();
    const nodeId = 'x'.repeat(proxyReportLimits.bytes);
    const ended = await write(channel, (stream) => stream.write(report({ nodeId })));
    assert.equal(ended, status.INVALID_ARGUMENT);
  });

  it('must begin within ten seconds', async () => {
    clock = new FakeClock();
    await start(clock);
    const channel = await proxy(() => noFacts).channel();
    const before = clock.pending;
    const ended = write(channel, () => undefined);
    await holds(() => clock!.pending > before);
    await clock.advance(proxyReportLimits.firstMessageMillis);
    assert.equal(await ended, status.DEADLINE_EXCEEDED);
  });
});
