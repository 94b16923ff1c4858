import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, type ServiceError } from '@grpc/grpc-js';
import { openStream } from '@isthmus/api/grpc/call.ts';
import { Certificates, type KeyPair } from '@isthmus/api/grpc/certificates.ts';
import { channelOptions } from '@isthmus/api/grpc/options.ts';
import { trustPeer } from '@isthmus/api/grpc/server-trust.ts';
import { replicaService } from '@isthmus/api/grpc/services.ts';
import { contentVersion } from '@isthmus/api/wire/binary.ts';
import * as wire from '@isthmus/api/wire/link.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { HubEpochs } from '@isthmus/cluster-agent/link/hub-epochs.ts';
import { HubStore } from '@isthmus/cluster-agent/link/hub-store.ts';
import { ProxyReports } from '@isthmus/cluster-agent/proxies/proxy-reports.ts';
import { ReplicaExchange, maxExchanges } from '@isthmus/cluster-agent/replicas/replica-exchange.ts';
import { certificatePem, issueLeaf } from '@isthmus/mesh/pki/issue.ts';
import { generateKey, privateKeyPem } from '@isthmus/mesh/pki/key.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { until } from '../../fakes/agent.ts';
import { agentPair, makeCa } from '../../fakes/link-listener.ts';
import { MemoryJournal } from '../../fakes/memory-journal.ts';
import { aWorkload } from '../../fakes/records.ts';
import { byName, emptySnapshot, ourNode, XdsWorld } from '../../fakes/xds-world.ts';

const ca = makeCa();
const pem = certificatePem(ca.certificate);

/** A replica with its listeners, whose role a test decides. */
class Replica {
  readonly dir = mkdtempSync(join(tmpdir(), 'isthmus-replica-'));
  readonly hubStore = new HubStore({ journal: new MemoryJournal(), hub: 'hub', log: silentLog });
  readonly epochs = new HubEpochs(this.dir, silentLog);
  readonly stop = new AbortController();
  readonly id: string;
  isHubHeard = false;
  taken = 0;
  address = '';
  leader: { id: string; address: string } | undefined;
  world!: XdsWorld;
  exchange!: ReplicaExchange;
  #onChange: () => void = () => undefined;

  constructor(id: string) {
    this.id = id;
  }

  async start(identity: KeyPair = agentPair(ca)): Promise<this> {
    this.world = await XdsWorld.start({
      onClient: (client) => this.exchange.opened(client),
      onLost: (client) => this.exchange.lost(client),
    });
    this.world.server.onApplied((event) => this.exchange.answered(event));
    const isLeading = () => this.leader?.id === this.id;
    const leader = () => this.leader;
    this.exchange = new ReplicaExchange({
      xds: this.world.server,
      reports: new ProxyReports({ clock: systemClock, onCertificates: () => undefined }),
      health: { allIssued: () => [], issuedElsewhere: () => undefined },
      certificates: new Certificates(identity, pem),
      leadership: {
        id: this.id,
        leads: isLeading,
        get leader() {
          return leader();
        },
        onChange: (listener) => (this.#onChange = listener),
      },
      hubId: 'hub',
      kept: () => (this.hubStore.complete ? this.hubStore.kept() : undefined),
      epoch: () => this.epochs.seen('hub'),
      taking: {
        hubStore: this.hubStore,
        epochs: this.epochs,
        hubId: 'hub',
        isHubHeard: () => this.isHubHeard,
      },
      onHubState: () => this.taken++,
      localAddress: '127.0.0.1',
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
    });
    this.address = `127.0.0.1:${await this.exchange.listen('127.0.0.1:0')}`;
    void this.exchange.run(this.stop.signal);
    return this;
  }

  follow(leader: Replica): void {
    this.leader = { id: leader.id, address: leader.address };
    this.#onChange();
  }

  async end(): Promise<void> {
    this.stop.abort();
    await this.world.stop();
    rmSync(this.dir, { recursive: true });
  }
}

describe('the exchange between replicas of an agent', () => {
  const replicas: Replica[] = [];
  const start = async (id: string, identity?: KeyPair) => {
    const one = await new Replica(id).start(identity);
    replicas.push(one);
    one.world.publish({ ...emptySnapshot, workloads: byName(aWorkload({ uid: 'w1' })) });
    return one;
  };
  afterEach(() => Promise.all(replicas.splice(0).map((one) => one.end())));

  const proxiesAt = ({ world }: Replica) => world.server.coverage(typeUrls.address, 'w1').applied;

  it('is dialled by the follower, and both know the proxies of both', async () => {
    const [a, b] = [await start('agent-a'), await start('agent-b')];
    const proxies = [a.world.proxy(), b.world.proxy({ node: ourNode('ztunnel', 'ztunnel-2') })];
    a.follow(a);
    b.follow(a);
    await until(() => proxiesAt(a) === 2 && proxiesAt(b) === 2);
    assert.deepEqual([a.exchange.size, b.exchange.size], [1, 1]);
    await Promise.all(proxies.map((one) => one.stop()));
  });

  it('goes on with the next leader', async () => {
    const [a, b, c] = [await start('agent-a'), await start('agent-b'), await start('agent-c')];
    const proxy = a.world.proxy();
    for (const one of [a, b, c]) one.follow(b);
    await until(() => proxiesAt(b) === 1 && b.exchange.size === 2);
    for (const one of [a, b, c]) one.follow(c);
    await until(() => proxiesAt(c) === 1 && c.exchange.size === 2 && b.exchange.size === 1);
    await proxy.stop();
  });

  const dial = (to: Replica, identity: KeyPair): Promise<ServiceError> => {
    const trust = trustPeer('127.0.0.1', new Certificates(identity, pem), () => undefined);
    const client = new Client(to.address, trust.credentials, { ...channelOptions(4), ...trust.options });
    const call = openStream(client, replicaService.share);
    return new Promise((resolve) =>
      call.on('error', (error) => {
        client.close();
        resolve(error as ServiceError);
      }),
    );
  };
  const ofMembership = (subject: string): KeyPair => {
    const key = generateKey();
    const id = 'spiffe://link.hub/cluster/east';
    const leaf = issueLeaf(id, key.publicKey, ca, { now: Date.now(), subject }, systemRandom);
    return { key: privateKeyPem(key.privateKey), chain: certificatePem(leaf) };
  };
  for (const [what, identity] of [
    ['another cluster', agentPair(ca, 'west')],
    ['another membership', ofMembership('earlier')],
  ] as const)
    it(`refuses a caller of ${what}`, async () => {
      const a = await start('agent-a');
      const { details } = await dial(a, identity);
      assert.equal(
        details,
        'the certificate of the peer is of another cluster, or of another membership of this one',
      );
      assert.equal(a.exchange.size, 0);
    });

  it('refuses a caller whose certificate another CA has issued', async () => {
    const a = await start('agent-a');
    await dial(a, agentPair(makeCa()));
    assert.equal(a.exchange.size, 0);
  });

  it('says nothing to a listener of another cluster', async () => {
    const [a, b] = [await start('agent-a', agentPair(ca, 'west')), await start('agent-b')];
    a.follow(a);
    b.follow(a);
    await until(() => b.exchange.size === 1);
    await until(() => b.exchange.size === 0);
    assert.equal(a.exchange.size, 0);
  });

  it(`takes ${maxExchanges} replicas at most`, async () => {
    const a = await start('agent-a');
    const identity = agentPair(ca);
    const refused: string[] = [];
    for (let i = 0; i <= maxExchanges; i++)
      void dial(a, identity).then(({ details }) => refused.push(details));
    await until(() => refused.length === 1);
    assert.match(refused[0] ?? '', /8 replicas have an exchange with this one/);
    assert.equal(a.exchange.size, maxExchanges);
  });

  const member = (name: string) => {
    const body = wire.member.encode({ cluster: name });
    return { name, version: contentVersion(body), body };
  };

  it('brings what the hub has sent to a replica that has nothing of it', async () => {
    const [a, b] = [await start('agent-a'), await start('agent-b')];
    a.hubStore.apply('member', [member('west'), member('north')], []);
    a.hubStore.completed();
    a.epochs.admit('hub', 7n);
    a.follow(a);
    b.follow(a);
    await until(() => b.hubStore.complete);
    assert.deepEqual([...b.hubStore.view.members].length, 2);
    assert.deepEqual([b.epochs.seen('hub'), b.taken], [7n, 1]);
    assert.equal(b.hubStore.version('member', 'west'), a.hubStore.version('member', 'west'));
  });

  for (const [what, prepare] of [
    ['while the hub itself is heard', (b: Replica) => void (b.isHubHeard = true)],
    ['of a hub that has been replaced', (b: Replica) => void b.epochs.admit('hub', 8n)],
  ] as const)
    it(`brings nothing of it ${what}`, async () => {
      const [a, b] = [await start('agent-a'), await start('agent-b')];
      a.hubStore.apply('member', [member('west')], []);
      a.hubStore.completed();
      a.epochs.admit('hub', 7n);
      prepare(b);
      a.follow(a);
      b.follow(a);
      const proxy = a.world.proxy();
      await until(() => proxiesAt(b) === 1);
      assert.deepEqual([b.hubStore.complete, b.taken], [false, 0]);
      await proxy.stop();
    });
});
