import assert from 'node:assert/strict';
import { blamesRoute, isAnswer, type DialFailure } from '@isthmus/mesh/decide/evidence.ts';

describe('what a failed dial is evidence of', () => {
  const refused = (status: number): DialFailure => ({ kind: 'refused', status });
  const cases: readonly (readonly [string, DialFailure, boolean, boolean])[] = [
    ['400 is of this call', refused(400), false, false],
    ['401 is a policy, which all endpoints have', refused(401), true, false],
    ['403 is a grant, which all endpoints have', refused(403), true, false],
    ['404 is of the gateway, which knows no such service', refused(404), false, true],
    ['499 is of this call', refused(499), false, false],
    ['500 is of the route', refused(500), false, true],
    ['503 is of the route', refused(503), false, true],
    ['a missing certificate is our own', { kind: 'no-certificate' }, false, false],
    ['silence is of the route', { kind: 'unreached' }, false, true],
  ];
  for (const [name, failure, answers, blames] of cases)
    it(name, () => assert.deepEqual([isAnswer(failure), blamesRoute(failure)], [answers, blames]));
});
