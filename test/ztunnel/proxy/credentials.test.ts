import assert from 'node:assert/strict';
import { IssuerTable } from '@isthmus/mesh/identity/issuer-table.ts';
import { CredentialStore } from '@isthmus/ztunnel/proxy/credentials.ts';
import { makeAuthority } from '../../fakes/authority.ts';
import { FakeClock } from '../../fakes/clock.ts';

const identity = 'spiffe://cluster.local/ns/shop/sa/cart';
const hour = 3_600_000;

function world() {
  const clock = new FakeClock(Date.now());
  const authority = makeAuthority();
  const wanted: string[] = [];
  const store = new CredentialStore(clock, (name, urgent) => wanted.push(`${name} ${urgent}`));
  return {
    clock,
    store,
    wanted,
    leaf: (lifetime = hour) => authority.leaf(identity, { now: clock.now(), lifetime }),
  };
}

describe('ztunnel/proxy credential store', () => {
  it('gives what it holds at once, and asks for nothing', async () => {
    const { store, wanted, leaf } = world();
    const credentials = leaf();
    store.set(credentials);
    assert.equal((await store.get(identity)).chain, credentials.chain);
    assert.deepEqual([wanted, store.has(identity), store.identities()], [[], true, [identity]]);
  });

  it('asks urgently for what is missing, and all who wait get it when it comes', async () => {
    const { clock, store, wanted, leaf } = world();
    const waiting = [store.get(identity), store.get(identity)];
    assert.deepEqual(wanted, [`${identity} true`, `${identity} true`]);
    await clock.advance(4999);
    const credentials = leaf();
    store.set(credentials);
    assert.deepEqual(
      (await Promise.all(waiting)).map(({ chain }) => chain),
      [credentials.chain, credentials.chain],
    );
    assert.equal(clock.pending, 0);
  });

  it('gives up after five seconds, with the reason of the last failure', async () => {
    const { clock, store } = world();
    const silent = assert.rejects(store.get(identity), {
      code: 'NO_CERTIFICATE',
      message: /has not answered/,
    });
    await clock.advance(5000);
    await silent;
    const refused = assert.rejects(store.get(identity), {
      code: 'NO_CERTIFICATE',
      message: /not on this node/,
    });
    store.failed(identity, 'not on this node');
    await clock.advance(5000);
    await refused;
  });

  it('keeps nothing of one who waits when it has gone', async () => {
    const { clock, store } = world();
    const gone = new AbortController();
    const waiting = assert.rejects(store.get(identity, gone.signal), { code: 'PEER_GONE' });
    gone.abort();
    await waiting;
    assert.equal(clock.pending, 0);
    await assert.rejects(store.get(identity, gone.signal), { code: 'PEER_GONE' });
    assert.equal(clock.pending, 0);
  });

  it('takes one that has run out for missing', async () => {
    const { clock, store, wanted, leaf } = world();
    store.set(leaf(hour));
    await clock.advance(hour + 1000);
    const waiting = store.get(identity);
    assert.equal(wanted.length, 1);
    const fresh = leaf(hour);
    store.set(fresh);
    assert.equal((await waiting).chain, fresh.chain);
  });

  it('forgets the certificate and why there was none', async () => {
    const { clock, store, leaf } = world();
    store.failed(identity, 'an old reason');
    store.set(leaf());
    store.forget(identity);
    assert.equal(store.has(identity), false);
    const outcome = assert.rejects(store.get(identity), /has not answered/);
    await clock.advance(5000);
    await outcome;
  });

  it('finds by issuer those that others refuse by now', () => {
    const { store, clock } = world();
    const [east, west] = [makeAuthority('cluster.local', 'east'), makeAuthority('cluster.local', 'west')];
    const table = new IssuerTable();
    for (const authority of [east, west]) {
      const name = `spiffe://cluster.local/ns/shop/sa/${authority === east ? 'east' : 'west'}`;
      store.set(authority.leaf(name, { now: clock.now(), lifetime: hour }));
    }
    east.teach(table);
    const byEast = store.issuedBy(new Set([east.keyId]));
    assert.deepEqual(byEast, ['spiffe://cluster.local/ns/shop/sa/east']);
    assert.deepEqual(store.distrusted(table, byEast), []);
    east.teach(table, true);
    const refused = (identities: Iterable<string>) =>
      store.distrusted(table, identities).map(({ identity: name }) => name);
    assert.deepEqual(refused(byEast), byEast);
    assert.deepEqual(refused(store.identities()).length, 2, 'the issuer of the other one is not known');
    store.forget(byEast[0] ?? '');
    assert.deepEqual([...store.issuedBy(new Set([east.keyId]))], []);
  });
});
