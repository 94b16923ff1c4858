import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { AudienceRecords } from '@isthmus/cluster-agent/publish/audience.ts';
import { blank } from '@isthmus/cluster-agent/translate/workload-fields.ts';
import { clusterConditions } from '@isthmus/cluster-agent/translate/conditions.ts';
import { gatewayReports } from '@isthmus/cluster-agent/translate/gateways.ts';
import { serviceReports } from '../../fakes/service-reports.ts';
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

/** What the file has, after it was written where that is asked for. */
function kept<T extends object>(path: string, found: T): Partial<T> {
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, `${JSON.stringify(found, undefined, 2)}\n`);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Partial<T>) : {};
}

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

  const golden = kept(file, found);
  for (const [audience, resources] of Object.entries(found))
    it(`for ${audience}`, () => assert.deepEqual(resources, golden[audience]));
});

describe('what the hub receives of a cluster', () => {
  const input = inputOf(manifests);
  const found = {
    services: Object.fromEntries(serviceReports(input)),
    gateways: Object.fromEntries(gatewayReports(input)),
    health: input.derived.health(),
    conditions: clusterConditions(input, 0),
  };
  const golden = kept(join(here, '../../golden/reports.json'), found);
  for (const [part, reports] of Object.entries(found))
    it(part, () => assert.deepEqual(JSON.parse(JSON.stringify(reports)), golden[part as keyof typeof found]));
});
