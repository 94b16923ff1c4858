import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { formatServiceKey } from '@isthmus/api/domain/names.ts';
import { downTypes } from '@isthmus/api/wire/link.ts';
import {
  clientId,
  parseWorkloadUid,
  podKey,
  policyKey,
  serviceKeyOf,
} from '@isthmus/cluster-agent/keys/names.ts';
import {
  formatTouched,
  parseTouched,
  type Touched,
  type TouchedKind,
} from '@isthmus/cluster-agent/keys/touched.ts';

/** Any text, with spaces, percent signs, slashes and halves of surrogate pairs. */
const text = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', ' ', '%', '/', 'u', 'd', '8', '\ud800', '\udc00', 'ä') }),
  fc.string({ unit: 'binary' }),
);
const name = fc.stringMatching(/^[a-z0-9.-]{1,8}$/);
const ref = fc.record({ namespace: name, name });
const pod = ref.map(podKey);
const service = ref.map(serviceKeyOf);
const client = fc.tuple(name, ref).map(([kind, of]) => clientId(kind, of));
const uid = text.map((one) => {
  const read = parseWorkloadUid(`uid${one}`);
  assert.ok(read.ok);
  return read.value;
});
const empty = {};

/** A generator for each kind, so that a kind without one does not compile. */
const partsOf: { readonly [Kind in TouchedKind]: Readonly<Record<string, fc.Arbitrary<unknown>>> } = {
  pod: { pod },
  node: { node: text },
  namespace: { namespace: text },
  service: { service },
  slice: { slice: text },
  authorization: { policy: ref.map(policyKey) },
  peers: { namespace: text },
  serviceExport: { service },
  workloadEntry: { entry: text },
  serviceEntry: { entry: text },
  gatewayObject: { gateway: text },
  gatewayClass: { name: text },
  members: { service, pod: fc.option(pod, { nil: undefined }) },
  entryHost: { service },
  nodeProxies: { node: text },
  gateway: { pod },
  network: empty,
  clientPlace: empty,
  addresses: { service },
  podCount: empty,
  rejections: empty,
  synced: empty,
  hub: { type: fc.constantFrom(...downTypes), name: text },
  remotes: { service },
  networkGateway: { uid },
  stream: { client },
  acknowledged: { client, type: text, name: text },
  certificate: { proxyUid: text, identity: text },
  upstream: { pod },
  port: { port: fc.constantFrom(0, 1, 15_008, 65_535) },
  vips: { client: pod },
  deadline: { trafficShift: text },
  rejected: { origin: fc.string() },
  sourceConditions: empty,
  part: { pod },
  sidecars: empty,
  verdict: { pod },
  serving: { pod },
  demands: { namespace: text },
  policies: { pod },
  endpoint: { pod },
  groups: { service },
  health: { service: ref.map(formatServiceKey) },
  distribution: { service },
  withdrawal: { service },
  resource: { type: text, name: text },
};

const keyOf = (kind: TouchedKind) =>
  fc.record(
    { kind: fc.constant(kind), ...partsOf[kind] },
    { noNullPrototype: true },
  ) as unknown as fc.Arbitrary<Touched>;
const anyKey = fc.oneof(...(Object.keys(partsOf) as TouchedKind[]).map(keyOf));

describe('a key of what changed, as text', () => {
  for (const kind of Object.keys(partsOf) as TouchedKind[])
    it(`of kind ${kind}: is read as it was`, () =>
      fc.assert(
        fc.property(keyOf(kind), (key) => {
          const read = parseTouched(formatTouched(key));
          assert.ok(read.ok, JSON.stringify(read));
          assert.deepEqual(read.value, key);
        }),
      ));

  it('is another one for another key', () =>
    fc.assert(
      fc.property(anyKey, anyKey, (a, b) => {
        assert.equal(formatTouched(a) === formatTouched(b), isDeepStrictEqual(a, b));
      }),
    ));

  it('has a part for each field, separated by spaces', () => {
    assert.equal(formatTouched({ kind: 'hub', type: 'policy', name: 'a b/c' }), 'hub policy a%20b%2Fc');
    assert.equal(formatTouched({ kind: 'synced' }), 'synced');
    const orders = serviceKeyOf({ namespace: 'shop', name: 'orders' });
    assert.equal(
      formatTouched({ kind: 'members', service: orders, pod: undefined }),
      'members shop%2Forders.shop.svc.cluster.local ',
    );
  });

  for (const [written, why] of [
    ['', /"" is not a kind of key/],
    ['pods shop%2Fcart', /"pods" is not a kind of key/],
    ['pod', /a key of kind pod has 1 parts, not 0/],
    ['pod shop%2Fcart x', /a key of kind pod has 1 parts, not 2/],
    ['pod cart', /pod: "cart" is not of the form <namespace>\/<name>/],
    ['pod shop%2F', /pod: "shop\/" is not of the form/],
    ['stream ztunnel%2Fshop', /client: "ztunnel\/shop" is not of the form <kind>\/<namespace>\/<pod>/],
    ['node a%2', /node: it is not escaped as it has to be/],
    ['node a/b', /node: it is not escaped as it has to be/],
    ['node %uD800', /node: it is not escaped as it has to be/],
    ['hub service x', /type: "service" is not a type of the hub’s/],
    ['port 65536', /port: "65536" is not a port/],
    ['port 080', /port: "080" is not a port/],
    ['networkGateway ', /uid: the uid of a workload is empty/],
  ] as const)
    it(`${JSON.stringify(written)} is refused`, () => {
      const read = parseTouched(written);
      assert.ok(!read.ok);
      assert.match(read.error, why);
    });

  it('is read without throwing, whatever it is', () =>
    fc.assert(
      fc.property(text, fc.constantFrom('', 'node ', 'pod ', 'hub '), (rest, kind) => {
        const read = parseTouched(`${kind}${rest}`);
        if (read.ok) assert.equal(formatTouched(read.value), `${kind}${rest}`);
      }),
    ));
});
