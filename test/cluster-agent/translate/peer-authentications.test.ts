import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { evaluate } from '@isthmus/mesh/rbac/evaluate.ts';
import { podKey } from '@isthmus/cluster-agent/keys/names.ts';
import { aWorkload } from '../../fakes/records.ts';
import { inputOf, outputsOf } from '../../fakes/cluster.ts';

const pod = `
apiVersion: v1
kind: Pod
metadata: { name: p, namespace: shop, labels: { app: cart } }
spec: { containers: [{}] }
`;

interface Written {
  readonly name: string;
  readonly where?: string;
  readonly mode?: string;
  /** Value of the label `app`. */
  readonly app?: string;
  readonly ports?: string | undefined;
  /** Day of January 2026. */
  readonly day?: number;
}
const written = ({ name, where = 'shop', mode, app, ports, day }: Written) => {
  const spec = [
    app === undefined ? [] : `selector: { matchLabels: { app: ${app} } }`,
    mode === undefined ? [] : `mtls: { mode: ${mode} }`,
    ports === undefined ? [] : `portLevelMtls: { ${ports} }`,
  ];
  const created = day === undefined ? '' : `, creationTimestamp: "2026-01-0${day}T00:00:00Z"`;
  return `---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: ${name}, namespace: ${where}${created} }
spec: { ${spec.flat().join(', ')} }
`;
};

const inForce = (all: readonly Written[]) => {
  const input = inputOf(pod + all.map(written).join(''));
  const found = input.view.get('Pod', 'shop', 'p');
  assert.ok(found);
  const { snapshot, policies } = outputsOf(input);
  const own = policies(podKey(found.metadata));
  assert.ok(own);
  return { authorizations: snapshot.authorizations, ...own };
};

const identity = { namespace: 'shop', serviceAccount: 'front', trustDomain: 'cluster.local' as TrustDomain };

/** Whether the pod's proxy takes plaintext on a port: by its policies alone, which are all that upstream's has. */
function takesPlaintext({ authorizations, keys }: ReturnType<typeof inForce>, port: number): boolean {
  const named = keys.map((key) => {
    const policy = authorizations.get(key);
    assert.ok(policy, `${key} is named and not sent`);
    return policy;
  });
  const call = (peer: typeof identity | undefined) =>
    evaluate(named, {
      source: { address: '10.0.0.9', identity: peer },
      destination: { address: '10.0.0.1', port, workload: aWorkload({ uid: 'u' }) },
    }).allowed;
  assert.equal(call(identity), true, 'a caller with an identity is always let in');
  return call(undefined);
}

const mesh = (mode: string, day?: number): Written => ({
  name: `mesh-${mode.toLowerCase()}`,
  where: 'istio-system',
  mode,
  ...(day === undefined ? {} : { day }),
});
const space = (mode: string): Written => ({ name: `space-${mode.toLowerCase()}`, mode });
const own = (mode: string | undefined, ports?: string): Written => ({
  name: 'own',
  app: 'cart',
  ...(mode === undefined ? {} : { mode }),
  ...(ports === undefined ? {} : { ports }),
});

describe('PeerAuthentication: the workload before the namespace before the mesh', () => {
  const table: Record<string, [readonly Written[], boolean]> = {
    none: [[], false],
    'the mesh’s': [[mesh('STRICT')], true],
    'the namespace’s over a PERMISSIVE mesh': [[mesh('PERMISSIVE'), space('STRICT')], true],
    'the namespace’s over a STRICT mesh': [[mesh('STRICT'), space('PERMISSIVE')], false],
    'the workload’s over its namespace': [[space('PERMISSIVE'), own('STRICT')], true],
    'DISABLE for the workload': [[space('STRICT'), own('DISABLE')], false],
    'UNSET for the namespace is the mesh’s': [[mesh('STRICT'), space('UNSET')], true],
    'UNSET for the workload is the namespace’s': [[space('STRICT'), own('UNSET')], true],
    'UNSET for workload and namespace is the mesh’s': [
      [mesh('STRICT'), space('UNSET'), own(undefined)],
      true,
    ],
    'another namespace’s': [[{ name: 'n', where: 'bank', mode: 'STRICT' }], false],
    'another workload’s': [[{ name: 'w', app: 'else', mode: 'STRICT' }], false],
    'a selector in the root namespace is ignored': [
      [{ name: 'r', where: 'istio-system', app: 'cart', mode: 'STRICT' }],
      false,
    ],
  };
  for (const [name, [all, strict]] of Object.entries(table))
    it(`${name}: ${strict ? 'STRICT' : 'PERMISSIVE'}`, () => {
      const found = inForce(all);
      assert.equal(found.strict, strict);
      assert.equal(takesPlaintext(found, 8080), !strict);
    });
});

describe('PeerAuthentication: the oldest of a level holds', () => {
  const at = (name: string, mode: string, day?: number): Written => ({
    name,
    mode,
    ...(day === undefined ? {} : { day }),
  });
  const table: Record<string, [readonly Written[], boolean]> = {
    'the older': [[at('a', 'PERMISSIVE', 2), at('z', 'STRICT', 1)], true],
    'an older UNSET, which is PERMISSIVE without a mesh’s': [
      [at('a', 'STRICT', 2), at('z', 'UNSET', 1)],
      false,
    ],
    'of two of one age the first by name': [[at('b', 'PERMISSIVE', 1), at('a', 'STRICT', 1)], true],
    'without ages the first by name': [[at('b', 'PERMISSIVE'), at('a', 'STRICT')], true],
    'without an age is older than any, as Go’s zero time': [
      [at('a', 'PERMISSIVE', 1), at('z', 'STRICT')],
      true,
    ],
    'of the mesh’s': [[mesh('PERMISSIVE', 2), mesh('STRICT', 1)], true],
    'of the workload’s': [
      [
        { name: 'a', app: 'cart', mode: 'PERMISSIVE', day: 2 },
        { name: 'z', app: 'cart', mode: 'STRICT', day: 1 },
      ],
      true,
    ],
  };
  for (const [name, [all, strict]] of Object.entries(table))
    it(name, () => {
      assert.equal(inForce(all).strict, strict);
      assert.equal(inForce(all.toReversed()).strict, strict, 'in whatever order they are read');
    });
});

describe('PeerAuthentication: modes of single ports', () => {
  const table: Record<string, [readonly Written[], Record<number, boolean>]> = {
    'STRICT ports of a PERMISSIVE workload': [
      [own('PERMISSIVE', '8080: { mode: STRICT }, 9090: { mode: STRICT }')],
      { 8080: false, 9090: false, 7070: true },
    ],
    'STRICT ports of a DISABLEd workload': [
      [own('DISABLE', '8080: { mode: STRICT }')],
      { 8080: false, 7070: true },
    ],
    'a STRICT port where nothing else is set': [
      [own(undefined, '8080: { mode: STRICT }')],
      { 8080: false, 7070: true },
    ],
    'a PERMISSIVE port of a STRICT workload': [
      [own('STRICT', '8080: { mode: PERMISSIVE }')],
      { 8080: true, 7070: false },
    ],
    'two ports that are not STRICT of a STRICT workload': [
      [own('STRICT', '8080: { mode: PERMISSIVE }, 9090: { mode: DISABLE }, 6060: { mode: STRICT }')],
      { 8080: true, 9090: true, 6060: false, 7070: false },
    ],
    'a PERMISSIVE port under a STRICT namespace': [
      [mesh('PERMISSIVE'), space('STRICT'), own(undefined, '8080: { mode: PERMISSIVE }')],
      { 8080: true, 7070: false },
    ],
    'a PERMISSIVE port under a STRICT mesh': [
      [mesh('STRICT'), own(undefined, '8080: { mode: PERMISSIVE }, 9090: { mode: STRICT }')],
      { 8080: true, 9090: false, 7070: false },
    ],
    'a PERMISSIVE port under a STRICT mesh and an UNSET namespace': [
      [mesh('STRICT'), space('UNSET'), own('UNSET', '8080: { mode: PERMISSIVE }')],
      { 8080: true, 7070: false },
    ],
    'a DISABLEd port under a STRICT namespace': [
      [space('STRICT'), own(undefined, '8080: { mode: DISABLE }')],
      { 8080: true, 7070: false },
    ],
    'a STRICT port under a STRICT mesh and a PERMISSIVE namespace': [
      [mesh('STRICT'), space('PERMISSIVE'), own(undefined, '8080: { mode: STRICT }')],
      { 8080: false, 7070: true },
    ],
    'a port that is UNSET has the workload’s mode': [
      [own('STRICT', '8080: { mode: UNSET }')],
      { 8080: false, 7070: false },
    ],
    'a PERMISSIVE port of a PERMISSIVE workload changes nothing': [
      [own('PERMISSIVE', '8080: { mode: PERMISSIVE }')],
      { 8080: true, 7070: true },
    ],
    'of the older of two only': [
      [
        { ...own('PERMISSIVE', '8080: { mode: STRICT }'), name: 'young', day: 2 },
        { ...own('PERMISSIVE', '9090: { mode: STRICT }'), name: 'zold', day: 1 },
      ],
      { 8080: true, 9090: false },
    ],
  };
  for (const [name, [all, expected]] of Object.entries(table))
    it(name, () => {
      const found = inForce(all);
      const seen = Object.keys(expected).map((port) => [port, takesPlaintext(found, Number(port))]);
      assert.deepEqual(Object.fromEntries(seen), expected);
    });

  it('have istiod’s name and stand in place of the static policy', () => {
    const converted = 'shop/converted_peer_authentication_own';
    const exceptions = inForce([own('STRICT', '8080: { mode: PERMISSIVE }')]);
    assert.deepEqual([exceptions.keys, exceptions.strict], [[converted], false]);
    assert.equal(exceptions.authorizations.get(converted)?.scope, 'WORKLOAD_SELECTOR');
    const added = inForce([own('PERMISSIVE', '8080: { mode: STRICT }')]);
    assert.deepEqual(added.keys, [converted]);
    const all = inForce([own('STRICT', '8080: { mode: STRICT }')]);
    assert.deepEqual(all.keys, ['istio-system/istio_converted_static_strict']);
    assert.equal(all.authorizations.has(converted), false, 'as one that only repeats it is not made');
  });
});

describe('PeerAuthentications', () => {
  const modes = fc.constantFrom('UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT');
  const one = fc.record(
    {
      where: fc.constantFrom('shop', 'istio-system', 'bank'),
      mode: modes,
      app: fc.constantFrom('cart', 'else'),
      ports: fc
        .uniqueArray(fc.tuple(fc.constantFrom(7070, 8080), modes), {
          selector: ([port]) => port,
          minLength: 1,
        })
        .map((all) => all.map(([port, mode]) => `${port}: { mode: ${mode} }`).join(', ')),
      day: fc.integer({ min: 1, max: 3 }),
    },
    { requiredKeys: ['where'] },
  );
  const some = fc
    .array(one, { maxLength: 6 })
    .map((all): Written[] =>
      all.map((each, i) => ({ ...each, ...(each.app ? {} : { ports: undefined }), name: `p${i}` })),
    );

  it('mean the same in whatever order they are read', () => {
    fc.assert(
      fc.property(
        some.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
        ([all, shuffled]) => {
          const [before, after] = [inForce(all), inForce(shuffled)];
          assert.deepEqual(
            [before.keys, before.strict, [...before.authorizations].sort()],
            [after.keys, after.strict, [...after.authorizations].sort()],
          );
        },
      ),
      { numRuns: 200 },
    );
  });

  it('never name a policy that is not sent', () => {
    fc.assert(
      fc.property(some, (all) => {
        const found = inForce(all);
        for (const port of [7070, 8080, 9090]) takesPlaintext(found, port);
      }),
      { numRuns: 200 },
    );
  });
});
