import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import type { Cluster } from '@isthmus/api/domain/cluster.ts';
import type { IntermediateRecord } from '@isthmus/api/domain/trust.ts';
import { emptyRecord } from '@isthmus/federation/observation/record-steps.ts';
import type { Now } from '@isthmus/federation/state/now.ts';
import { readyToActivate } from '@isthmus/federation/trust/activation.ts';
import { LinkCa, mintLinkCa } from '@isthmus/federation/trust/link-ca.ts';
import { mintTrustDomain, signIntermediate } from '@isthmus/federation/trust/trust-domain.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { createCsr } from '@isthmus/mesh/pki/csr.ts';
import { day } from '@isthmus/mesh/pki/issue.ts';
import { generateKey } from '@isthmus/mesh/pki/key.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { FakeClock } from '../../fakes/clock.ts';

const provider = { sealingKey: () => Buffer.alloc(32, 3) };
const now = Date.UTC(2026, 4, 1);
const tools = { provider, random: systemRandom, now };

describe('federation/trust: a trust domain', () => {
  const domain = mintTrustDomain(defaultTrustDomain, tools);
  const root = new X509Certificate(domain.rootCertificatePem);
  const sign = (cluster: string, given = tools) => {
    const signed = signIntermediate(domain, cluster, createCsr(generateKey()), given);
    assert.ok(signed.ok);
    return { record: signed.value, certificate: new X509Certificate(signed.value.certificatePem) };
  };

  it('has a root for ten years, whose key is only there sealed', () => {
    assert.ok(root.ca && root.verify(root.publicKey));
    assert.equal(Date.parse(root.validTo), now + 3650 * day);
    assert.doesNotMatch(JSON.stringify(domain), /PRIVATE KEY/);
  });

  it('signs an intermediate for thirty days that is not in force yet', () => {
    const { record, certificate } = sign('east');
    assert.ok(certificate.checkIssued(root) && certificate.verify(root.publicKey) && certificate.ca);
    assert.equal(record.notAfter, now + 30 * day);
    const { cluster, trustDomain, revoked, activated } = record;
    assert.deepEqual([cluster, trustDomain, revoked, activated], ['east', 'cluster.local', false, false]);
  });

  it('gives each intermediate a subject and a key id of its own, also in one cluster', () => {
    const signed = ['east', 'east', 'west'].map((cluster) => sign(cluster));
    assert.equal(new Set(signed.map(({ certificate }) => certificate.subject)).size, 3);
    assert.equal(new Set(signed.map(({ record }) => record.keyId)).size, 3);
  });

  it('refuses a request that is none, with a sentence', () => {
    const refused = signIntermediate(domain, 'east', 'no request', tools);
    assert.ok(!refused.ok && refused.error.length > 10);
  });

  it('signs nothing without the key that seals its root', () => {
    const lost = { ...tools, provider: { sealingKey: () => Buffer.alloc(32, 4) } };
    assert.throws(() => signIntermediate(domain, 'east', createCsr(generateKey()), lost), {
      code: 'UNSEAL_FAILED',
    });
  });
});

describe('federation/trust: the link’s CA', () => {
  const record = mintLinkCa('hub-1', tools);
  const open = () => LinkCa.open(record, provider, new FakeClock(now), systemRandom);

  it('is the same whenever its record is opened, with its key sealed', () => {
    assert.equal(open().hash, open().hash);
    assert.doesNotMatch(JSON.stringify(record), /PRIVATE KEY/);
  });

  it('makes agents, and the hub’s server for its addresses', () => {
    const ca = open();
    const agent = new X509Certificate(
      ca.issueAgent('east', 'm-1', createCsr(generateKey(), 'spiffe://link.hub-1/cluster/west'))[0]!,
    );
    assert.equal(agent.subjectAltName, 'URI:spiffe://link.hub-1/cluster/east');
    const server = new X509Certificate(ca.issueServer(['127.7.0.1', 'localhost']).chain);
    assert.equal(server.checkIP('127.7.0.1'), '127.7.0.1');
    assert.equal(server.checkHost('localhost'), 'localhost');
    for (const one of [agent, server])
      assert.ok(one.checkIssued(ca.certificate) && one.verify(ca.certificate.publicKey));
    assert.throws(() => ca.issueAgent('east', 'm-1', 'no request'), { code: 'BAD_CSR' });
  });

  it('is not a root of a mesh, and a mesh’s intermediate makes no agent', () => {
    const ca = open();
    const root = new X509Certificate(mintTrustDomain(defaultTrustDomain, tools).rootCertificatePem);
    const agent = new X509Certificate(ca.issueAgent('east', 'm-1', createCsr(generateKey()))[0]!);
    assert.equal(agent.verify(root.publicKey), false);
    assert.equal(agent.checkIssued(root), false);
  });
});

describe('federation/trust: when an intermediate may sign', () => {
  interface World {
    /** Name to whether it is connected; revoked clusters begin with '-'. */
    readonly clusters: Readonly<Record<string, boolean>>;
    /** Clusters whose proxies have acknowledged the new intermediate. */
    readonly applied: readonly string[];
    /** East has one that signs already. */
    readonly renewal?: boolean;
    /** Days that are left of it, 15 unless said. */
    readonly left?: number;
    /** Since when those that are away are. */
    readonly since?: number;
    readonly state?: 'PENDING' | 'REJECTED';
    readonly over?: Partial<IntermediateRecord>;
  }

  const record = (keyId: string, over: Partial<IntermediateRecord> = {}): IntermediateRecord => ({
    kind: 'intermediate',
    keyId,
    trustDomain: defaultTrustDomain,
    cluster: 'east',
    certificatePem: '',
    notAfter: now + 30 * day,
    revoked: false,
    activated: false,
    ...over,
  });

  function ready({ clusters, applied, renewal = false, left = 15, since = 0, state, over }: World): boolean {
    const fresh = record('new', over);
    const stored = <T>(id: string, value: T) => [id, { id, revision: 1, value }] as const;
    const intermediates = new Map([
      stored('new', fresh),
      ...(renewal ? [stored('old', record('old', { activated: true, notAfter: now + left * day }))] : []),
    ]);
    const names = Object.keys(clusters).map((name) => ({
      name: name.replace('-', ''),
      revoked: name.startsWith('-'),
    }));
    const members = names.map(({ name, revoked }) =>
      stored(name, { name, admission: revoked ? 'REVOKED' : 'ADMITTED' } as Cluster),
    );
    const records = names.map(({ name, revoked }) => {
      const said = {
        subject: 'intermediate/new',
        version: '1',
        state: state ?? ('APPLIED' as const),
        message: '',
        proxies: 1,
      };
      const connected = clusters[revoked ? `-${name}` : name];
      const link = connected ? ({ kind: 'CONNECTED' } as const) : ({ kind: 'UNREACHABLE', since } as const);
      const heard = new Map(applied.includes(name) ? [['intermediate/new', said]] : []);
      return [name, { ...emptyRecord(name, now), link, applied: heard }] as const;
    });
    const intent = { intermediates, clusters: new Map(members) };
    return readyToActivate(fresh, { intent, observed: new Map(records) } as unknown as Now, now);
  }

  const all = { east: true, west: true, south: true };
  const away = { east: true, west: true, south: false };
  const cases: readonly (readonly [string, World, boolean])[] = [
    ['a first one that all have acknowledged', { clusters: all, applied: ['east', 'west', 'south'] }, true],
    ['a first one that one connected cluster has not', { clusters: all, applied: ['east', 'west'] }, false],
    [
      'a first one that only a cluster that is away has not',
      { clusters: away, applied: ['east', 'west'] },
      true,
    ],
    ['a first one of the only cluster', { clusters: { east: true }, applied: ['east'] }, true],
    ['a first one that its own cluster has not', { clusters: all, applied: ['west', 'south'] }, false],
    [
      'a first one whose own cluster is away',
      { clusters: { east: false, west: true }, applied: ['west'] },
      false,
    ],
    [
      'a renewal that all have acknowledged',
      { clusters: all, applied: ['east', 'west', 'south'], renewal: true },
      true,
    ],
    [
      'a renewal that a cluster that is away has not',
      { clusters: away, applied: ['east', 'west'], renewal: true },
      false,
    ],
    [
      'a first one that a cluster has not that was here a moment ago',
      { clusters: away, applied: ['east', 'west'], since: now - 1000 },
      false,
    ],
    [
      'a renewal in its last days that a cluster that is away has not',
      { clusters: away, applied: ['east', 'west'], renewal: true, left: 6 },
      true,
    ],
    [
      'a renewal in its last days that a connected cluster has not',
      { clusters: all, applied: ['east', 'west'], renewal: true, left: 6 },
      false,
    ],
    [
      'one that a revoked cluster has not',
      { clusters: { east: true, '-west': true }, applied: ['east'] },
      true,
    ],
    [
      'one that some proxies have not',
      { clusters: all, applied: ['east', 'west', 'south'], state: 'PENDING' },
      false,
    ],
    [
      'one that a proxy has rejected',
      { clusters: all, applied: ['east', 'west', 'south'], state: 'REJECTED' },
      false,
    ],
    ['one that is revoked', { clusters: { east: true }, applied: ['east'], over: { revoked: true } }, false],
    [
      'one that signs already',
      { clusters: { east: true }, applied: ['east'], over: { activated: true } },
      false,
    ],
  ];
  for (const [what, world, wanted] of cases)
    it(`${wanted ? 'activates' : 'holds'} ${what}`, () => assert.equal(ready(world), wanted));
});
