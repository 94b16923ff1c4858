import assert from 'node:assert/strict';
import type { Cluster } from '@isthmus/api/domain/cluster.ts';
import { decodeIntermediate } from '@isthmus/api/wire/trust.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { certificatePem } from '@isthmus/mesh/pki/issue.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import type { UserError } from '../../federation/command/command.ts';
import { createJoinToken, join } from '../../federation/registry/join-tokens.ts';
import { HubError } from '../../federation/hub-error.ts';
import { revokeCluster } from '../../federation/registry/membership.ts';
import { maxNamespaces, setClusterNamespaces } from '../../federation/registry/namespaces.ts';
import { watchNetworks } from '../../federation/registry/network.ts';
import { conditionsOf } from '@isthmus/federation/conditions/conditions.ts';
import { makeAuthority } from '../fakes/authority.ts';
import { aMember, Federation } from '../fakes/federation.ts';

const lifetime = 3_600_000;
const many = (count: number) => Array.from({ length: count }, (_, i) => `n${i}`);

describe('what a cluster is admitted for', () => {
  let federation: Federation;
  beforeEach(async () => {
    federation = await Federation.start();
  });
  afterEach(() => federation.end());

  const clusterNamed = (name: string): Cluster => federation.now.intent.clusters.get(name)!.value;
  const token = async (input: { cluster: string; namespaces?: readonly string[]; network?: string }) => {
    const outcome = await federation.run(createJoinToken, { lifetime, ...input });
    assert.ok(outcome.ok, JSON.stringify(outcome));
    const ticket = Buffer.from(outcome.payload.token!.split('.')[2]!, 'base64url').toString();
    return { secret: (JSON.parse(ticket) as { secret: string }).secret, warnings: outcome.warnings };
  };
  const admit = async (input: { cluster: string; namespaces?: readonly string[]; network?: string }) => {
    const { secret } = await token(input);
    const outcome = await federation.run(join, { cluster: input.cluster, secret, key: input.cluster });
    assert.ok(outcome.ok, JSON.stringify(outcome));
    return clusterNamed(input.cluster);
  };
  const errorsOf = async (namespaces: readonly string[]): Promise<readonly UserError[]> => {
    const outcome = await federation.run(setClusterNamespaces, { cluster: 'east', namespaces });
    return outcome.ok ? [] : outcome.errors;
  };

  it('is every namespace unless the token or an operator names some', async () => {
    assert.equal((await admit({ cluster: 'east' })).namespaces, undefined);
    assert.deepEqual((await admit({ cluster: 'west', namespaces: ['shop'] })).namespaces, ['shop']);
    assert.deepEqual(await errorsOf(['shop', 'pay']), []);
    assert.deepEqual(clusterNamed('east').namespaces, ['shop', 'pay']);
    await federation.run(setClusterNamespaces, { cluster: 'east', namespaces: undefined });
    assert.equal(clusterNamed('east').namespaces, undefined);
  });

  it('keeps the namespaces of a cluster that comes back by a token that names none', async () => {
    await admit({ cluster: 'east', namespaces: ['shop'] });
    await federation.run(revokeCluster, { cluster: 'east' });
    assert.deepEqual((await admit({ cluster: 'east' })).namespaces, ['shop']);
  });

  it('lets a present member join again by a new token, says what that ends, and forgets the earlier one', async () => {
    const first = await token({ cluster: 'east' });
    const joinBy = (secret: string, key: string) => federation.run(join, { cluster: 'east', secret, key });
    const one = await joinBy(first.secret, 'k1');
    const second = await token({ cluster: 'east' });
    assert.match(
      second.warnings.map(({ message }) => message).join(),
      /east is a member: when this token is used, the link of its present/,
    );
    const again = await joinBy(first.secret, 'k1');
    assert.ok(one.ok && again.ok);
    assert.equal(again.payload.membership, one.payload.membership, 'a lost answer is given again');
    const two = await joinBy(second.secret, 'k2');
    assert.ok(two.ok);
    assert.notEqual(two.payload.membership, one.payload.membership);
    const late = await joinBy(first.secret, 'k1');
    assert.deepEqual(!late.ok && late.errors.map(({ code }) => code), ['TOKEN_USED']);
    assert.equal(clusterNamed('east').membership, two.payload.membership);
  });

  it('takes 255 and 256 namespaces and refuses 257, an empty list, a bad name and one that is listed twice', async () => {
    await admit({ cluster: 'east' });
    assert.deepEqual(await errorsOf(many(maxNamespaces - 1)), []);
    assert.deepEqual(await errorsOf(many(maxNamespaces)), []);
    const before = clusterNamed('east');
    const [tooMany] = await errorsOf(many(maxNamespaces + 1));
    assert.match(tooMany!.message, /257 entries, at most 256/);
    assert.match((await errorsOf([]))[0]!.message, /must not be empty: omit it/);
    assert.deepEqual((await errorsOf(['shop', 'Pay']))[0]!.field, ['namespaces', '1']);
    assert.match((await errorsOf(['shop', 'shop']))[0]!.message, /'shop' is listed twice/);
    assert.equal(clusterNamed('east'), before);
  });

  it('refuses a token with a bad list or network, by field, and makes no cluster of it', async () => {
    const input = { cluster: 'north', lifetime, namespaces: [], network: 'a b' };
    const outcome = await federation.run(createJoinToken, input);
    assert.deepEqual(!outcome.ok && outcome.errors.map(({ field }) => field[0]), ['namespaces', 'network']);
    for (const [length, refused] of [
      [62, false],
      [63, false],
      [64, true],
    ] as const) {
      const named = { cluster: 'long', lifetime, network: 'n'.repeat(length) };
      assert.equal((await federation.run(createJoinToken, named, { dryRun: true })).ok, !refused);
    }
    assert.equal(federation.now.intent.clusters.size, 0);
  });

  it('keeps services of namespaces that a cluster may not host from all others, and says so', async () => {
    await federation.put(aMember('east', { namespaces: ['pay'] }), aMember('west'));
    for (const name of ['east', 'west']) federation.report(name, { services: { cart: 2 } });
    const remotes = (cluster: string) => [...federation.received(cluster, 'remote').keys()];
    assert.deepEqual([remotes('west'), remotes('east')], [[], ['west/shop/cart']]);
    const [condition] = conditionsOf(federation.now, 'east').filter(
      ({ reason }) => reason === 'NAMESPACE_NOT_ALLOWED',
    );
    assert.match(condition?.message ?? '', /may not host.*: shop\/cart$/);
    await federation.run(setClusterNamespaces, { cluster: 'east', namespaces: ['pay', 'shop'] });
    assert.deepEqual([remotes('west'), remotes('east')], [['east/shop/cart'], ['west/shop/cart']]);
  });

  it('sends the list with the cluster’s intermediates, and sends it again when it changes', async () => {
    const { certificate } = makeAuthority().intermediate;
    await federation.put(aMember('east'), {
      kind: 'intermediate',
      keyId: 'k1',
      trustDomain: defaultTrustDomain,
      cluster: 'east',
      notAfter: 1,
      certificatePem: certificatePem(certificate),
      revoked: false,
      activated: true,
    });
    const sent = () => {
      const body = federation.received('west', 'intermediate').get('k1')?.body;
      const decoded = decodeIntermediate(body as Uint8Array);
      return decoded.ok ? decoded.value.namespaces : assert.fail(decoded.error);
    };
    assert.equal(sent(), undefined);
    await federation.run(setClusterNamespaces, { cluster: 'east', namespaces: ['shop'] });
    assert.deepEqual(sent(), ['shop']);
  });

  it('binds a cluster to the network that it reports first, and to no other one later', async () => {
    watchNetworks(
      { live: federation.live, runner: federation.runner, clock: federation.clock, log: silentLog },
      federation.stop.signal,
    );
    await federation.put(aMember('east', { network: undefined }), aMember('west', { network: undefined }));
    federation.report('east', { record: { network: 'net-east' } });
    await federation.pass(250);
    assert.equal(clusterNamed('east').network, 'net-east');
    federation.report('east', { record: { network: 'net-west' } });
    await federation.pass(250);
    assert.equal(clusterNamed('east').network, 'net-east');
    federation.report('west', { record: { network: 'net-east' } });
    await federation.pass(250);
    assert.equal(clusterNamed('west').network, undefined);
  });

  it('binds a cluster to its network once the store takes it, although the report came while it took nothing', async () => {
    const { store, live, runner, clock, stop } = federation;
    const commit = store.commit.bind(store);
    watchNetworks({ live, runner, clock, log: silentLog }, stop.signal);
    await federation.put(aMember('east', { network: undefined }));
    let tries = 0;
    store.commit = () => {
      tries++;
      return Promise.reject(new HubError('STORE_FAILED', 'the disk is full'));
    };
    federation.report('east', { record: { network: 'net-east' } });
    await federation.pass(2500);
    assert.deepEqual([clusterNamed('east').network, tries], [undefined, 3]);
    store.commit = commit;
    await federation.pass(1000);
    assert.equal(clusterNamed('east').network, 'net-east');
  });

  it('lets an operator admit a second cluster for a network, and says that it is shared', async () => {
    await admit({ cluster: 'east', network: 'flat' });
    const { warnings } = await token({ cluster: 'west', network: 'flat' });
    assert.match(warnings.map(({ message }) => message).join(), /network 'flat' is that of east too/);
    assert.equal((await admit({ cluster: 'west', network: 'flat' })).network, 'flat');
  });

  it('gives a network that a revoked cluster had to the next one, and does not give it back', async () => {
    await admit({ cluster: 'east', network: 'net-1' });
    await federation.run(revokeCluster, { cluster: 'east' });
    await admit({ cluster: 'west', network: 'net-1' });
    assert.equal((await admit({ cluster: 'east' })).network, undefined);
  });
});
