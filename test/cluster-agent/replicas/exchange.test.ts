import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { status } from '@grpc/grpc-js';
import type { IssuedCertificate, Shared } from '@isthmus/api/domain/replica.ts';
import { emptyReport } from '@isthmus/api/domain/proxy-report.ts';
import { shared } from '@isthmus/api/wire/replica.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import type { ClientId } from '@isthmus/cluster-agent/keys/names.ts';
import { ProxyReports } from '@isthmus/cluster-agent/proxies/proxy-reports.ts';
import { Exchange } from '@isthmus/cluster-agent/replicas/exchange.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { aWorkload } from '../../fakes/records.ts';
import { byName, emptySnapshot, ourNode, XdsWorld } from '../../fakes/xds-world.ts';

/** One end of a stream between two replicas, whose messages travel as bytes. */
class End extends EventEmitter {
  peer: End | undefined;
  readonly written: Shared[] = [];

  write(message: Shared): boolean {
    this.written.push(message);
    const read = shared.decode(shared.encode(message));
    assert.ok(read.ok, read.ok ? '' : read.error);
    setImmediate(() => this.peer?.emit('data', read.value));
    return true;
  }

  end(): void {
    this.emit('close');
    this.peer?.emit('close');
  }
}

const ztunnel = (n: number) => `ztunnel/istio-system/ztunnel-${n}` as ClientId;
const node = (n: number) => ourNode('ztunnel', `ztunnel-${n}`);

/** A replica: its listener, what follows it, and what it knows of certificates and reports. */
class Replica {
  readonly events: string[] = [];
  readonly issued: IssuedCertificate[] = [];
  readonly elsewhere: IssuedCertificate[] = [];
  readonly reports = new ProxyReports({ clock: new FakeClock(), onCertificates: () => undefined });
  exchange: Exchange | undefined;
  world!: XdsWorld;

  async start(): Promise<this> {
    this.world = await XdsWorld.start({
      onClient: (client) => {
        this.events.push(`opened ${client.pod}`);
        this.exchange?.opened(client);
      },
      onLost: (client, isReplicaLost) => {
        this.events.push(`lost ${client.pod}${isReplicaLost ? ' with its replica' : ''}`);
        this.exchange?.lost(client);
      },
    });
    this.world.server.onApplied((event) => this.exchange?.answered(event));
    this.reports.onReport = (client) => this.exchange?.reported(client);
    return this;
  }

  begin(end: End): void {
    const health = {
      allIssued: () => this.issued,
      issuedElsewhere: (all: readonly IssuedCertificate[]) => void this.elsewhere.push(...all),
    };
    this.exchange = new Exchange({ xds: this.world.server, reports: this.reports, health }, end, {
      refuse: (_code, why) => assert.fail(why),
      onOver: () => undefined,
    });
  }
}

describe('what replicas of an agent exchange of their proxies', () => {
  let a: Replica;
  let b: Replica;
  let ends: readonly [End, End];
  const one = { ...emptySnapshot, workloads: byName(aWorkload({ uid: 'w1' }), aWorkload({ uid: 'w2' })) };
  const two = {
    ...emptySnapshot,
    workloads: byName(aWorkload({ uid: 'w1', name: 'other' }), aWorkload({ uid: 'w3' })),
  };

  beforeEach(async () => {
    [a, b] = [await new Replica().start(), await new Replica().start()];
    ends = [new End(), new End()];
    [ends[0].peer, ends[1].peer] = [ends[1], ends[0]];
    for (const { world } of [a, b]) world.publish(one);
  });
  afterEach(() => Promise.all([a.world.stop(), b.world.stop()]));

  const connect = () => {
    a.begin(ends[0]);
    b.begin(ends[1]);
  };
  const until = async (holds: () => boolean) => {
    while (!holds()) await new Promise<void>((resolve) => setImmediate(resolve));
  };
  const coverage = () => a.world.server.coverage(typeUrls.address, 'w1');
  const now = (id: ClientId, name: string) => a.world.server.acknowledgedNow(id, typeUrls.address, name);

  it('are streams like its own to the other replica: what each holds, and what it has acknowledged since', async () => {
    const near = a.world.proxy();
    const far = b.world.proxy({ node: node(2) });
    await Promise.all([near.ready(), far.ready()]);
    connect();
    await until(() => coverage().proxies === 2 && coverage().applied === 2);
    assert.deepEqual(
      a.world.server.connectedClients().map(({ id, peer, complete }) => [id, peer === '', complete]),
      [
        [ztunnel(1), false, true],
        [ztunnel(2), true, true],
      ],
    );
    assert.deepEqual([...a.events].sort(), ['opened ztunnel-1', 'opened ztunnel-2']);
    a.world.publish(two, 2);
    assert.equal(now(ztunnel(2), 'w1'), false);
    assert.deepEqual(coverage().waiting, ['istio-system/ztunnel-1', 'istio-system/ztunnel-2']);
    b.world.publish(two, 2);
    await until(() => coverage().applied === 2 && now(ztunnel(2), 'w3'));
    assert.equal(a.world.server.acknowledged(ztunnel(2), typeUrls.address, 'w2'), 'NO');
    const [, outstanding] = a.world.server.outstanding(typeUrls.address);
    assert.deepEqual([...(outstanding?.names ?? [])], []);
    await Promise.all([near.stop(), far.stop()]);
  });

  it('are known also of a proxy that connects later, and of one that refuses', async () => {
    connect();
    const far = b.world.proxy({ node: node(2) });
    far.refuse.set('w2', 'it is odd');
    await until(() => coverage().applied === 1);
    await until(() => typeof a.world.server.acknowledged(ztunnel(2), typeUrls.address, 'w2') === 'object');
    assert.deepEqual(a.world.server.acknowledged(ztunnel(2), typeUrls.address, 'w2'), {
      refused: 'it is odd',
    });
    assert.deepEqual([...a.world.server.refusals(typeUrls.address).keys()], ['w2']);
    await far.stop();
    await until(() => a.events.includes('lost ztunnel-2'));
    assert.equal(coverage().proxies, 0);
  });

  it('a proxy that comes back with what it holds is known by all of it', async () => {
    connect();
    const far = b.world.proxy({ node: node(2) });
    await until(() => coverage().applied === 1);
    b.world.server.ownStream(ztunnel(2))?.end(status.UNAVAILABLE, 'once more');
    await until(() => a.events.filter((event) => event === 'opened ztunnel-2').length === 2);
    await until(() => coverage().applied === 1 && now(ztunnel(2), 'w2'));
    assert.equal(a.world.server.returned(ztunnel(2)), true);
    await far.stop();
  });

  it('proxies of a replica that cannot be heard are lost with it', async () => {
    const far = b.world.proxy({ node: node(2) });
    await far.ready();
    connect();
    await until(() => coverage().applied === 1);
    ends[1].end();
    await until(() => a.events.includes('lost ztunnel-2 with its replica'));
    assert.equal(a.world.server.remote.size, 0);
    await far.stop();
  });

  it('a proxy that moves to this replica counts here, and is not lost when the other one says so', async () => {
    connect();
    const far = b.world.proxy({ node: node(2) });
    await until(() => coverage().applied === 1);
    const near = a.world.proxy({ node: node(2) });
    await near.ready();
    await far.stop();
    await until(() => a.world.server.remote.size === 0 && coverage().applied === 1);
    assert.deepEqual(
      a.events.filter((event) => event.startsWith('lost')),
      [],
    );
    await near.stop();
  });

  it('certificates that were issued, and reports of proxies, are exchanged', async () => {
    const certificate = {
      proxyUid: 'uid-2',
      identity: 'spiffe://cluster.local/ns/shop/sa/cart',
      notAfter: Date.UTC(2030, 0, 1),
      issuer: 'ab',
    };
    b.issued.push(certificate);
    connect();
    const far = b.world.proxy({ node: node(2) });
    await until(() => coverage().applied === 1);
    const own = { identity: certificate.identity, serial: '0a', issuerKeyId: 'ab', notAfter: 5, problem: '' };
    b.reports.begin(ztunnel(2), 7);
    const report = { ...emptyReport, certificates: [own], openConnections: 3, refused: [] };
    const anything = { identity: () => true, place: () => true, service: () => true, cluster: () => true };
    b.reports.take(ztunnel(2), report, anything);
    await until(() => a.reports.of(ztunnel(2))?.certificates.size === 1);
    assert.deepEqual(a.reports.of(ztunnel(2))?.certificates.get(own.identity), own);
    assert.deepEqual(a.elsewhere, [certificate]);
    const later = { ...certificate, proxyUid: 'uid-3' };
    b.exchange?.issued(later);
    await until(() => a.elsewhere.length === 2);
    await far.stop();
    await until(() => a.reports.of(ztunnel(2)) === undefined);
  });

  it('is said in pages of 2,000 names', async () => {
    const many = Array.from({ length: 4001 }, (_, i) => aWorkload({ uid: `w${i}` }));
    for (const { world } of [a, b]) world.publish({ ...emptySnapshot, workloads: byName(...many) }, 3);
    const far = b.world.proxy({ node: node(2) });
    const isWhole = () =>
      b.world.server.countsOf(ztunnel(2)).some(({ acknowledged }) => acknowledged === 4001);
    await until(isWhole);
    connect();
    await until(() => coverage().applied === 1 && now(ztunnel(2), 'w4000'));
    const pages = ends[1].written.flatMap((one) =>
      one.kind === 'holds' && one.type === typeUrls.address ? [one.held.length] : [],
    );
    assert.deepEqual(pages.slice(0, 3), [2000, 2000, 1]);
    await far.stop();
  });
});
