import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { decodeObject } from '@isthmus/api/kubernetes/decode.ts';
import { authorizationPolicy } from '@isthmus/api/kubernetes/policy-schemas.ts';
import { standInFor } from '@isthmus/api/kubernetes/policy-stand-in.ts';
import { parseDocuments } from '@isthmus/cluster-agent/source/files/parse-documents.ts';
import { readDocument } from '@isthmus/cluster-agent/source/files/read-documents.ts';
import { reducePolicy } from '@isthmus/cluster-agent/translate/l4/reduce-policy.ts';
import { standInEffect } from '@isthmus/cluster-agent/translate/l4/stand-in-effect.ts';
import type { Rule } from '@isthmus/mesh/rbac/authorization.ts';
import { evaluate } from '@isthmus/mesh/rbac/evaluate.ts';
import { damage, garbage, garbageValues, places } from '../../../fakes/damaged-values.ts';
import { call, type Call } from '../../../fakes/istio-policies.ts';
import { loweredPolicy } from '../../../fakes/lowering/lowered-policy.ts';
import { loweredStandIn } from '../../../fakes/lowering/lowered-stand-in.ts';
import { aWorkload } from '../../../fakes/records.ts';
import { writtenPolicy } from '../../../fakes/written-policies.ts';

const root = join(import.meta.dirname, '../../../..');

/** The policy as it is decoded; undefined when it is refused. */
function taken(raw: object) {
  const decoded = decodeObject(raw);
  const object = decoded.ok && decoded.value.kind === 'object' ? decoded.value.object : undefined;
  return object?.kind === 'AuthorizationPolicy' ? object : undefined;
}

/** What of the policy is in force when it is taken, and what is said of it. False: it is refused. */
function isTakenAsLowered(raw: object): boolean {
  const object = taken(raw);
  if (!object) return false;
  const { spec = {} } = authorizationPolicy.parse(raw);
  const { rules, findings } = reducePolicy(object);
  assert.deepEqual({ rules, findings }, loweredPolicy(spec, object.metadata.namespace));
  return true;
}

/** What stands in for the policy if it is refused, whether it is or not. False: nothing. */
function standsInAsLowered(raw: object): boolean {
  // Its metadata alone, as nothing can be read of its spec.
  const closed = standInFor({ ...raw, spec: 7 });
  if (closed === undefined || closed === 'NO_NAMESPACE') return false;
  const expected = loweredStandIn({ ...raw }, closed.metadata);
  const standIn = standInFor(raw);
  assert.ok(standIn !== 'NO_NAMESPACE' && standIn?.kind !== 'PeerAuthentication');
  const effect = standIn && standInEffect(standIn);
  assert.equal(effect, expected?.effect);
  if (!standIn || !expected) return false;
  const { action, selector, metadata, targets, dryRun } = standIn;
  assert.deepEqual({ action, selector, rules: reducePolicy(standIn).rules, effect }, expected);
  assert.deepEqual([metadata.namespace, targets, dryRun], [closed.metadata.namespace, [], false]);
  return true;
}

const isPolicy = (raw: unknown): boolean =>
  typeof raw === 'object' && raw !== null && 'kind' in raw && raw.kind === 'AuthorizationPolicy';

const aDamaged = (whole: fc.Arbitrary<object>, inside: readonly string[]) =>
  fc.tuple(whole, fc.nat(), garbage, fc.boolean()).map(([object, at, by, rename]) => {
    const all = places(object).filter((place) => inside.every((key, i) => place[i] === key));
    return { whole: object, hurt: damage(object, all[at % all.length] ?? [], by, rename) as object };
  });

const theSeed = { seed: 20_261_130 };

describe('a policy that is kept as written and reduced to L4 is what lowering it while reading made of it', () => {
  it('random ones that are taken, with what is said of them', () => {
    let count = 0;
    fc.assert(
      fc.property(writtenPolicy(), (raw) => {
        if (isTakenAsLowered(raw)) count++;
      }),
      { ...theSeed, numRuns: 2000 },
    );
    assert.ok(count > 500, `only ${count} were taken`);
  });

  it('what stands in for random ones of which a part cannot be read', () => {
    let count = 0;
    fc.assert(
      fc.property(aDamaged(writtenPolicy(), []), ({ whole, hurt }) => {
        standsInAsLowered(whole);
        if (isPolicy(hurt) && !isTakenAsLowered(hurt) && standsInAsLowered(hurt)) count++;
      }),
      { ...theSeed, numRuns: 3000 },
    );
    assert.ok(count > 500, `only ${count} had a stand-in`);
  });

  it('in whatever order clauses are written, whatever is there twice or by nature', () => {
    const source = { namespaces: ['bank'] };
    const operation = { ports: ['80'], paths: ['/'] };
    const odd: readonly unknown[] = [
      { to: [{ operation }], from: [{ source }] },
      { when: [{ key: 'destination.port', values: ['80'] }], zones: ['a'], from: [{ source }] },
      { from: [{ source: JSON.parse('{"__proto__":["a"],"namespaces":["bank"]}') as object }] },
      { from: [{ source: { constructor: ['a'] } }, { source }] },
      JSON.parse('{"__proto__":[]}'),
    ];
    for (const rule of odd) {
      const raw = {
        apiVersion: 'security.istio.io/v1',
        kind: 'AuthorizationPolicy',
        metadata: { name: 'p', namespace: 'shop' },
        spec: { action: 'DENY', rules: [rule] },
      };
      const standIn = standInFor(raw);
      assert.ok(typeof standIn === 'object' && standIn.kind === 'AuthorizationPolicy');
      const expected = loweredStandIn(raw, standIn.metadata);
      const inOrder = (rules: readonly Rule[] = []) =>
        rules.map((clauses) => clauses.map((clause) => JSON.stringify(clause)).sort());
      assert.deepEqual(inOrder(reducePolicy(standIn).rules), inOrder(expected?.rules));
      isTakenAsLowered(raw);
    }
  });

  const folders = [
    ...['test/manifests', 'test/golden', 'sandbox/clusters'].map((folder) => join(root, folder)),
    ...(process.env['ISTHMUS_FOREIGN_MANIFESTS'] ?? '').split(':').filter((one) => one !== ''),
  ];
  it('those of the manifests that are there, whole and with anything in any place', function () {
    this.timeout(60_000);
    const policies = folders.flatMap(policiesIn);
    assert.ok(policies.length > 0);
    for (const raw of policies) {
      isTakenAsLowered(raw);
      standsInAsLowered(raw);
      for (const place of places(raw).filter(([first]) => first === 'spec'))
        for (const by of garbageValues)
          for (const rename of [false, true]) {
            const hurt = damage(raw, place, by, rename) as object;
            isTakenAsLowered(hurt);
            standsInAsLowered(hurt);
          }
    }
  });
});

/** AuthorizationPolicies in the files below a folder. What is no YAML has none. */
function policiesIn(folder: string): readonly object[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.ya?ml$/.test(name),
  );
  return files.flatMap((file) => {
    try {
      return parseDocuments(readFileSync(join(folder, file), 'utf8'))
        .flatMap((parsed) => readDocument(parsed, 2 ** 21).items)
        .map(({ json }) => JSON.parse(json) as { readonly kind?: unknown })
        .filter(({ kind }) => kind === 'AuthorizationPolicy');
    } catch {
      return [];
    }
  });
}

describe('a DENY of which a part of a rule cannot be read', () => {
  const isDenied = (rules: readonly Rule[], { identity, address, port }: Call) =>
    !evaluate(
      [
        {
          key: 'shop/p',
          name: 'p',
          namespace: 'shop',
          scope: 'NAMESPACE',
          action: 'DENY',
          dryRun: false,
          rules,
        },
      ],
      {
        source: { address, identity },
        destination: { address: '10.0.0.1', port, workload: aWorkload({ uid: 'u' }) },
      },
    ).allowed;

  it('denies all that the whole policy would deny', () => {
    let count = 0;
    fc.assert(
      fc.property(
        aDamaged(writtenPolicy('DENY'), ['spec', 'rules', '0']),
        fc.array(call, { minLength: 8, maxLength: 8 }),
        ({ whole, hurt }, calls) => {
          const before = taken(whole);
          if (!before || taken(hurt)) return;
          const standIn = standInFor(hurt);
          assert.ok(typeof standIn === 'object' && standIn.kind === 'AuthorizationPolicy');
          const [{ rules }, closed] = [reducePolicy(before), reducePolicy(standIn)];
          for (const one of calls)
            if (isDenied(rules, one)) {
              count++;
              assert.ok(isDenied(closed.rules, one), `let in ${JSON.stringify(one)}`);
            }
        },
      ),
      { ...theSeed, numRuns: 2000 },
    );
    assert.ok(count > 500, `only ${count} calls were denied`);
  });
});
