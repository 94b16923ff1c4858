import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import fc from 'fast-check';
import { decodeObject } from '@isthmus/api/kubernetes/decode.ts';
import { settle } from '@isthmus/cluster-agent/source/files/holding.ts';
import { parseDocuments } from '@isthmus/cluster-agent/source/files/parse-documents.ts';
import { plainValue } from '@isthmus/cluster-agent/source/files/plain-value.ts';
import { readManifests } from '@isthmus/cluster-agent/source/files/read-file.ts';
import { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import { provenWhenReady, translate } from '../fakes/cluster.ts';
import { emptyHubView } from '@isthmus/cluster-agent/view/hub-view.ts';

const clusters = join(import.meta.dirname, '../../sandbox/clusters');
const policy = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: p, namespace: shop }
spec:
  selector: { matchLabels: { app: cart } }
  action: DENY
  rules:
    - from: [{ source: { principals: ["*/sa/x"], notIpBlocks: [10.0.0.0/8] } }]
      to: [{ operation: { ports: ["80"] } }]
      when: [{ key: destination.port, values: ["80"] }, { key: source.ip, notValues: ["::1"] }]
`;
const golden = readFileSync(join(import.meta.dirname, '../golden/cluster.yaml'), 'utf8');
const texts = [
  policy,
  // Objects beside Services and pods.
  golden.slice(golden.indexOf('apiVersion: networking.istio.io')),
  ...readdirSync(clusters).map((file) => readFileSync(join(clusters, file), 'utf8')),
];

/** Files of ours, cut, doubled and overwritten: they get further than noise does. */
const damaged = fc
  .tuple(
    fc.constantFrom(...texts),
    fc.nat(),
    fc.nat(4000),
    fc.array(
      fc.tuple(
        fc.nat(),
        fc.constantFrom(
          '\n',
          '- ',
          ': ',
          '{',
          ']',
          '&a ',
          '*a',
          'null',
          '---\n',
          '"',
          '~',
          '<<: *a\n',
          '<<: {',
          '{"a":',
          'yes',
        ),
      ),
      {
        maxLength: 6,
      },
    ),
  )
  .map(([text, start, length, edits]) => {
    let part = text.slice(start % text.length).slice(0, length);
    for (const [at, insert] of edits) {
      const i = at % (part.length + 1);
      part = part.slice(0, i) + insert + part.slice(i + insert.length);
    }
    return part;
  });

const settings = { numRuns: 300 };

describe('no manifest makes the agent throw', () => {
  it('read as a file, and what is taken of it translates', () => {
    fc.assert(
      fc.property(fc.oneof(damaged, fc.string({ unit: 'binary', maxLength: 300 })), (text) => {
        const { objects, rejections } = settle(undefined, readManifests(text, 'a.yaml'));
        for (const { object, message } of rejections) assert.ok(object.length > 0 && message.length > 0);
        const view = new ClusterView();
        view.apply([...objects].map(([id, { object }]) => ({ type: 'upsert', id, object })));
        const input = {
          cluster: 'east',
          trustDomain: 'td' as TrustDomain,
          view,
          hub: emptyHubView,
          serviceConditions: () => [],
          now: 0,
          upstreamZtunnels: new Set<string>(),
          capture: 'PROXY' as const,
          health: provenWhenReady,
        };
        translate(input);
      }),
      settings,
    );
  });

  it('read as JSON, with whatever in it, alone and one after the other', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { minLength: 1, maxLength: 3 }), fc.boolean(), (values, tabs) => {
        const text = values
          .map((value) => JSON.stringify(value, undefined, tabs ? '\t' : undefined))
          .join('\n');
        readManifests(text, 'a.json');
        const [first] = parseDocuments(JSON.stringify({ value: values }));
        assert.ok(first);
        const read = JSON.stringify(plainValue(first.document, 1_000_000).value);
        assert.deepEqual(JSON.parse(read), JSON.parse(JSON.stringify({ value: values })));
      }),
      settings,
    );
  });

  const merges = fc.letrec<{ map: object }>((tie) => ({
    map: fc.dictionary(
      fc.constantFrom('<<', 'a', 'b', '__proto__', 'constructor'),
      fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(1, 'x', null),
        tie('map'),
        fc.array(tie('map'), { maxLength: 3 }),
      ),
    ),
  })).map;
  it('with merge keys anywhere', () => {
    fc.assert(
      fc.property(merges, (map) => {
        // An unquoted key of JSON is a merge key of YAML.
        const text = JSON.stringify(map).replaceAll('"<<"', '<<');
        const { rejections } = readManifests(text, 'a.yaml');
        for (const { message } of rejections) assert.ok(message.length > 0);
        assert.equal(({} as { a?: unknown }).a, undefined);
      }),
      settings,
    );
  });

  const kinds = [
    'Pod',
    'Service',
    'Node',
    'Namespace',
    'EndpointSlice',
    'AuthorizationPolicy',
    'PeerAuthentication',
    'ServiceExport',
    'Gateway',
    'GatewayClass',
    'WorkloadEntry',
    'ServiceEntry',
  ];
  const frame = fc.record({
    apiVersion: fc.constantFrom(
      'v1',
      'discovery.k8s.io/v1',
      'security.istio.io/v1',
      'security.istio.io/v1beta1',
      'multicluster.x-k8s.io/v1alpha1',
      'gateway.networking.k8s.io/v1',
      'networking.istio.io/v1',
    ),
    kind: fc.constantFrom(...kinds),
    metadata: fc.oneof(fc.constant({ name: 'a' }), fc.jsonValue()),
    spec: fc.jsonValue(),
    status: fc.jsonValue(),
  });
  it('as an object', () => {
    fc.assert(
      fc.property(fc.oneof(frame, fc.jsonValue()), (raw) => {
        const decoded = decodeObject(raw);
        if (!decoded.ok) assert.ok(decoded.error.object.length > 0 && decoded.error.message.length > 0);
      }),
      { numRuns: 2000 },
    );
  });

  it('a key that is there twice is refused, among very many too', () => {
    const keys = (count: number) => Array.from({ length: count }, (_, i) => `  k${i}: ${i}`).join('\n');
    const file = `apiVersion: v1\nkind: Service\nmetadata: { name: a }\nspec:\n${keys(20_000)}`;
    assert.equal(readManifests(file, 'a.yaml').objects.size, 1);
    const twice = readManifests(`${file}\n  k7: 0\n`, 'a.yaml');
    assert.deepEqual([twice.objects.size, twice.refused.size, twice.broken], [0, 1, false]);
    assert.deepEqual(
      twice.rejections.map(({ code, field }) => [code, field]),
      [['DUPLICATE_KEY', 'spec.k7']],
    );
  });
});
