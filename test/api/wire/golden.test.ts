import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeService, encodeWorkload } from '@isthmus/api/wire/address.ts';
import { encodeAuthorization } from '@isthmus/api/wire/authorization.ts';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { aMatch, anAuthorization, aService, aWorkload } from '../../fakes/records.ts';

const file = join(import.meta.dirname, '../../golden/wire.json');

const ports = [{ servicePort: 80, targetPort: 8080 }];
const pod = aWorkload({
  uid: 'east//Pod/shop/cart-1',
  name: 'cart-1',
  addresses: ['127.7.1.2', 'fd00::1'],
  serviceAccount: 'cart',
  locality: { region: 'region-a', zone: 'a1', subzone: '' },
  capacity: 3,
  status: 'UNHEALTHY',
  services: new Map([
    ['shop/cart.shop.svc.cluster.local', ports],
    ['a/b', []],
  ]),
  strict: true,
  appAddress: '127.7.2.2',
  capturedPorts: [8080],
  authorizationPolicies: ['shop/isthmus~deny'],
});
const remote = aWorkload({
  uid: 'west/region-b/hbone/shop/cart',
  network: 'network-west',
  cluster: 'west',
  trustDomain: 'other.test' as TrustDomain,
  networkGateway: { kind: 'address', network: 'network-west', address: '127.7.16.5', hbonePort: 15_008 },
});

/** Bytes as they go over the wire: a change here makes every proxy receive everything once more. */
const encoded: Record<string, Uint8Array> = {
  pod: encodeWorkload(pod),
  'pod for an upstream proxy': encodeWorkload(pod, { extended: false }),
  'split-horizon entry': encodeWorkload(remote),
  service: encodeService(
    aService({
      name: 'cart',
      addresses: [{ network: 'network-east', address: '127.7.4.1', prefix: undefined }],
      routingPreference: ['REGION', 'CLUSTER'],
      mode: 'FAILOVER',
      exported: true,
      grantedClusters: ['west'],
    }),
  ),
  authorization: encodeAuthorization(
    anAuthorization({
      name: 'isthmus~deny',
      action: 'DENY',
      rules: [
        [
          [aMatch({ principals: [{ kind: 'presence' }], destinationPorts: [80] })],
          [
            aMatch({
              sourceIps: [{ address: '10.0.0.0', prefix: 8 }],
              notNamespaces: [{ kind: 'exact', value: 'shop' }],
            }),
          ],
        ],
      ],
    }),
  ),
};

describe('the bytes of a record', () => {
  const found = Object.fromEntries(
    Object.entries(encoded).map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]),
  );
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, `${JSON.stringify(found, undefined, 2)}\n`);
  const golden = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;

  for (const [name, bytes] of Object.entries(found))
    it(`stay what they are: ${name}`, () => assert.equal(bytes, golden[name]));
});
