import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { AudienceRecords } from '@isthmus/cluster-agent/publish/audience.ts';
import { blank } from '@isthmus/cluster-agent/translate/workload-fields.ts';
import { aRemote, inputOf, remotes, translate } from '../../fakes/cluster.ts';
import { inShop } from '../../fakes/services.ts';

const here = import.meta.dirname;
const file = join(here, '../../golden/translate.json');
const manifests = readFileSync(join(here, '../../golden/cluster.yaml'), 'utf8');

/** What every workload has is left out, so that the file shows what each is. Its trust domain is shown always. */
const plain = (record: object): unknown =>
  JSON.parse(
    JSON.stringify(record, (key, value: unknown) => {
      if (value instanceof Map) return Object.fromEntries(value as Map<string, unknown>);
      const usual = key === 'trustDomain' ? undefined : (Reflect.get(blank, key) as unknown);
      return key !== '' && JSON.stringify(usual) === JSON.stringify(value) ? undefined : value;
    }),
  );

describe('the state of proxies, from a cluster and the hub’s resources', () => {
  const both = (name: string) =>
    aRemote({
      name,
      groups: (['hbone', 'istio-mtls'] as const).map((transport) => ({
        region: 'region-b',
        zone: 'b-1',
        transport,
        total: 2,
        healthy: 2,
      })),
    });
  const input = inputOf(manifests, {
    remotes: remotes(both('cart'), both('far')),
    grants: new Map([['shop/cart', { namespace: 'shop', name: 'cart', clusters: ['west'] }]]),
    trafficShifts: new Map([
      [
        'd',
        {
          id: 'd',
          cluster: 'east',
          percent: 100,
          services: [inShop('cart')],
          remoteOnly: false,
          deadline: undefined,
        },
      ],
    ]),
  });
  const snapshot = translate(input);
  const found = Object.fromEntries(
    (['mesh', 'gateway', 'upstream'] as const).map((audience) => [
      audience,
      Object.fromEntries(
        [typeUrls.authorization, typeUrls.address].flatMap((type) =>
          [...(new AudienceRecords(audience, snapshot).projection.get(type) ?? [])].map(([name, record]) => [
            name,
            plain(record),
          ]),
        ),
      ),
    ]),
  );

  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, `${JSON.stringify(found, undefined, 2)}\n`);
  const golden = (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}) as typeof found;
  for (const [audience, resources] of Object.entries(found))
    it(`for ${audience}`, () => assert.deepEqual(resources, golden[audience]));
});
