import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decodeObject } from '@isthmus/api/kubernetes/decode.ts';
import { standInFor } from '@isthmus/api/kubernetes/policy-stand-in.ts';
import { reducePolicy } from '@isthmus/cluster-agent/translate/l4/reduce-policy.ts';
import type { Rule } from '@isthmus/mesh/rbac/authorization.ts';
import { evaluate } from '@isthmus/mesh/rbac/evaluate.ts';
import { damage, garbage, places } from '../../../fakes/damaged-values.ts';
import { call, type Call } from '../../../fakes/istio-policies.ts';
import { aWorkload } from '../../../fakes/records.ts';
import { writtenPolicy } from '../../../fakes/written-policies.ts';

/** The policy as it is decoded; undefined when it is refused. */
function taken(raw: object) {
  const decoded = decodeObject(raw);
  const object = decoded.ok && decoded.value.kind === 'object' ? decoded.value.object : undefined;
  return object?.kind === 'AuthorizationPolicy' ? object : undefined;
}

/** A policy, and the same with garbage or another key somewhere in its first rule. */
const aDamaged = fc
  .tuple(writtenPolicy('DENY'), fc.nat(), garbage, fc.boolean())
  .map(([whole, at, by, rename]) => {
    const inRule = places(whole).filter((place) => place.slice(0, 3).join('/') === 'spec/rules/0');
    return { whole, hurt: damage(whole, inRule[at % inRule.length] ?? [], by, rename) as object };
  });

const theSeed = { seed: 20_261_130 };

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
      fc.property(aDamaged, fc.array(call, { minLength: 8, maxLength: 8 }), ({ whole, hurt }, calls) => {
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
      }),
      { ...theSeed, numRuns: 2000 },
    );
    assert.ok(count > 500, `only ${count} calls were denied`);
  });
});
