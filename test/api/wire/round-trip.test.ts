import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  decodeAddress,
  encodeService,
  encodeServiceAddresses,
  encodeServiceRecord,
  encodeWorkload,
  joinService,
} from '@isthmus/api/wire/address.ts';
import { decodeAuthorization, encodeAuthorization } from '@isthmus/api/wire/authorization.ts';
import { contentVersion } from '@isthmus/api/wire/binary.ts';
import {
  decodeIntermediate,
  decodeTrustBundle,
  encodeIntermediate,
  encodeTrustBundle,
} from '@isthmus/api/wire/trust.ts';
import { authorization, service, workload } from '../../fakes/arbitrary-records.ts';
import { makeAuthority } from '../../fakes/authority.ts';
import { aWorkload } from '../../fakes/records.ts';

describe('what is encoded is decoded', () => {
  it('workloads', () => {
    fc.assert(
      fc.property(workload, (one) => {
        assert.deepEqual(decodeAddress(encodeWorkload(one)), {
          ok: true,
          value: { kind: 'workload', workload: one },
        });
      }),
    );
  });

  it('services', () => {
    fc.assert(
      fc.property(service, (one) => {
        assert.deepEqual(decodeAddress(encodeService(one)), {
          ok: true,
          value: { kind: 'service', service: one },
        });
      }),
    );
  });

  it('services whose addresses are appended to what was encoded without them', () => {
    fc.assert(
      fc.property(service, fc.boolean(), (one, isInParts) => {
        const { addresses } = one;
        const cut = isInParts ? Math.floor(addresses.length / 2) : 0;
        const record = encodeServiceRecord(
          { ...one, addresses: addresses.slice(0, cut) },
          { extended: true },
        );
        const bytes = joinService(record, encodeServiceAddresses(addresses.slice(cut)));
        assert.deepEqual(decodeAddress(bytes), { ok: true, value: { kind: 'service', service: one } });
      }),
    );
  });

  it('authorizations, under the name of their resource', () => {
    fc.assert(
      fc.property(authorization, (one) => {
        assert.deepEqual(decodeAuthorization(one.key, encodeAuthorization(one)), { ok: true, value: one });
      }),
    );
  });

  it('trust bundles and intermediates', () => {
    const { trustDomain, root, keyId, intermediate } = makeAuthority();
    const bundle = decodeTrustBundle(encodeTrustBundle({ trustDomain, roots: [root], sequence: 7 }));
    assert.ok(bundle.ok);
    assert.deepEqual([bundle.value.trustDomain, bundle.value.sequence], ['cluster.local', 7]);
    assert.deepEqual(
      bundle.value.roots.map(({ raw }) => raw),
      [root.raw],
    );
    const issued = {
      keyId,
      trustDomain,
      cluster: 'east',
      certificate: intermediate.certificate,
      revoked: true,
    };
    // No list allows every namespace, an empty one none: the two must not become one another on the way.
    for (const allowed of [{}, { namespaces: [] }, { namespaces: ['shop', 'pay'] }]) {
      const decoded = decodeIntermediate(encodeIntermediate({ ...issued, ...allowed }));
      assert.ok(decoded.ok);
      assert.deepEqual(
        { ...decoded.value, certificate: decoded.value.certificate.raw },
        { ...issued, ...allowed, certificate: issued.certificate.raw },
      );
    }
  });

  it('the same record gives the same bytes, whatever the order of its maps', () => {
    const ports = [{ servicePort: 80, targetPort: 8080 }];
    const one = aWorkload({
      uid: 'u',
      services: new Map([
        ['a/b', ports],
        ['c/d', ports],
      ]),
    });
    const other = aWorkload({
      uid: 'u',
      services: new Map([
        ['c/d', ports],
        ['a/b', ports],
      ]),
    });
    assert.equal(contentVersion(encodeWorkload(one)), contentVersion(encodeWorkload(other)));
    assert.match(contentVersion(encodeWorkload(one)), /^[0-9a-f]{16}$/);
  });

  it('for an upstream proxy nothing of ours is in it', () => {
    const decoded = decodeAddress(
      encodeWorkload(aWorkload({ uid: 'u', strict: true, appAddress: '127.1.2.3' }), { extended: false }),
    );
    assert.ok(decoded.ok && decoded.value.kind === 'workload');
    assert.deepEqual(decoded.value.workload, aWorkload({ uid: 'u' }));
  });
});
