import assert from 'node:assert/strict';
import type { AdminTokenRecord, LinkCaRecord, TrustDomainRecord } from '@isthmus/api/domain/trust.ts';
import type { JoinToken } from '@isthmus/api/domain/join-token.ts';
import { intentOf } from '@isthmus/federation/state/intent.ts';
import type { Intent } from '@isthmus/federation/store/store.ts';
import {
  adminTokenPurpose,
  hubKeys,
  type HubKeys,
  type KeyFiles,
  type KeyOptions,
} from '@isthmus/federation/trust/hub-keys.ts';
import { defaultTrustDomain, type TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { unseal } from '@isthmus/mesh/pki/seal.ts';
import { aMember } from '../../fakes/federation.ts';
import { aSealing } from '../../fakes/authority.ts';

const tools = { ...aSealing, now: Date.UTC(2026, 4, 1) };
const options: KeyOptions = { hubId: 'hub', trustDomain: defaultTrustDomain, newAdminToken: false };

/** Ids as the store has them. */
const stored = (value: Intent) => ({
  id:
    value.kind === 'linkCa'
      ? 'link'
      : value.kind === 'adminToken'
        ? 'admin'
        : 'name' in value
          ? value.name
          : 'id',
  revision: 1,
  value,
});
const keysOf = (objects: readonly Intent[], files: KeyFiles = {}, over: Partial<KeyOptions> = {}): HubKeys =>
  hubKeys(intentOf({ revision: 1, objects: objects.map(stored) }), files, { ...options, ...over }, tools);
const tokenOf = ({ adminToken }: HubKeys) =>
  unseal(adminToken.sealedToken, adminTokenPurpose, tools.provider);
const written = ({ writes }: HubKeys) => writes.map((one) => ('put' in one ? one.put.kind : ''));

const first = keysOf([]);
const all: readonly (LinkCaRecord | TrustDomainRecord | AdminTokenRecord)[] = [
  first.linkCa,
  first.trustDomain,
  first.adminToken,
];
const member = aMember('east');
const joinToken: JoinToken = {
  kind: 'joinToken',
  id: 'id',
  cluster: 'east',
  secretHash: '',
  expiresAt: 1,
  usedBy: undefined,
} as unknown as JoinToken;
const without = (kind: string) => all.filter((one) => one.kind !== kind);

describe('what a hub is founded on', () => {
  it('is minted at the first start, sealed, and written as a whole', () => {
    assert.deepEqual(written(first), ['linkCa', 'trustDomain', 'adminToken']);
    assert.match(tokenOf(first), /^[\w-]{43}$/);
    const text = JSON.stringify(first);
    assert.ok(!text.includes('PRIVATE KEY') && !text.includes(tokenOf(first)));
  });

  it('is the store’s from then on, with members and without', () => {
    for (const members of [[], [member]]) {
      const again = keysOf([...all, ...members]);
      assert.deepEqual(written(again), []);
      assert.equal(again.linkCa, first.linkCa);
      assert.equal(tokenOf(again), tokenOf(first));
    }
  });

  for (const [kind, code, remedy] of [
    ['linkCa', 'LINK_CA_MISSING', /restore hub\.db from a backup, or start over/],
    ['trustDomain', 'TRUST_DOMAIN_MISSING', /restore hub\.db from a backup, or start over/],
    [
      'adminToken',
      'ADMIN_TOKEN_MISSING',
      /restore hub\.db from a backup, or start once with --new-admin-token/,
    ],
  ] as const)
    it(`is not minted beside members or join tokens: a missing ${kind} ends the start with what to do`, () => {
      for (const one of [member, joinToken])
        assert.throws(() => keysOf([...without(kind), one]), { code, message: remedy });
      assert.deepEqual(written(keysOf(without(kind))), [kind]);
    });

  it('refuses another trust domain or hub id than its members have, and names theirs', () => {
    assert.throws(() => keysOf([...all, member], {}, { trustDomain: 'corp.example' as TrustDomain }), {
      code: 'TRUST_DOMAIN_MISSING',
      message: /start it with --trust-domain cluster\.local/,
    });
    assert.throws(() => keysOf([...all, member], {}, { hubId: 'other' }), {
      code: 'HUB_ID',
      message: /start it with --hub-id hub/,
    });
    assert.deepEqual(written(keysOf(all, {}, { hubId: 'other' })), ['linkCa']);
    assert.deepEqual(written(keysOf(all, {}, { trustDomain: 'corp.example' as TrustDomain })), [
      'trustDomain',
    ]);
  });

  it('takes what an earlier version kept in files into the store', () => {
    const { certificatePem, sealedKey } = first.linkCa;
    const files = { linkCa: { certificatePem, sealedKey }, adminToken: 'a-token-of-an-earlier-version-000' };
    const keys = keysOf([first.trustDomain, member], files);
    assert.deepEqual(written(keys), ['linkCa', 'adminToken']);
    assert.deepEqual(keys.linkCa, first.linkCa);
    assert.equal(tokenOf(keys), files.adminToken);
  });

  it('has a new admin token when one is asked for, whatever there was', () => {
    for (const objects of [
      [...all, member],
      [...without('adminToken'), member],
    ]) {
      const keys = keysOf(objects, { adminToken: tokenOf(first) }, { newAdminToken: true });
      assert.deepEqual(written(keys), ['adminToken']);
      assert.notEqual(tokenOf(keys), tokenOf(first));
    }
  });
});
