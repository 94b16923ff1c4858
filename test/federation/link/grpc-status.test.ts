import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { HubError, type HubErrorCode } from '@isthmus/federation/hub-error.ts';
import { grpcError } from '@isthmus/federation/link/grpc-status.ts';
import { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { FakeClock } from '../../fakes/clock.ts';

describe('the status of a refused call', () => {
  const lines = new LimitedLines(new FakeClock(), silentLog);
  const cases: readonly (readonly [HubErrorCode, status])[] = [
    ['BAD_CSR', status.INVALID_ARGUMENT],
    ['TOKEN_USED', status.UNAUTHENTICATED],
    ['TOKEN_OTHER_CLUSTER', status.PERMISSION_DENIED],
    ['TOO_MANY', status.RESOURCE_EXHAUSTED],
    // The caller has done nothing wrong, and is answered later or elsewhere.
    ['FENCED', status.UNAVAILABLE],
    ['NO_TRUST_DOMAIN', status.UNAVAILABLE],
    ['STALE_REVISION', status.UNAVAILABLE],
  ];
  for (const [code, expected] of cases)
    it(`${code} is ${status[expected]}, with code and reason`, () => {
      const details = `${code}: the reason`;
      assert.deepEqual(grpcError(new HubError(code, 'the reason'), lines, 'peer'), {
        code: expected,
        details,
      });
    });

  it('is INTERNAL without details for an unexpected error', () => {
    const { code, details } = grpcError(new Error('secret'), lines, 'peer');
    assert.equal(code, status.INTERNAL);
    assert.doesNotMatch(details, /secret/);
  });

  it('is INTERNAL without details for an error that no caller can do anything about', () => {
    const { code, details } = grpcError(new HubError('STORE_FAILED', 'secret'), lines, 'peer');
    assert.equal(code, status.INTERNAL);
    assert.doesNotMatch(details, /secret/);
  });
});
