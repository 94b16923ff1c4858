import assert from 'node:assert/strict';
import { GraphQLError } from 'graphql';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import { silentLog, type Log } from '@isthmus/mesh/process/log.ts';
import { shownError } from '../../../federation/graphql/errors.ts';
import { FakeClock } from '../../fakes/clock.ts';

describe('federation/graphql: errors', () => {
  const logged: object[] = [];
  const log: Log = { ...silentLog, error: (fields) => void logged.push(fields) };
  const show = (error: unknown): GraphQLError => {
    const shown = shownError(error, new LimitedLines(new FakeClock(), log));
    assert.ok(shown instanceof GraphQLError);
    return shown;
  };
  beforeEach(() => (logged.length = 0));

  it('made for the caller are sent unchanged', () => {
    const error = new GraphQLError('no such cluster', { extensions: { code: 'NOT_FOUND' } });
    assert.equal(show(error), error);
    assert.deepEqual(logged, []);
  });

  it('with a code are sent with code and message, and logged', () => {
    const originalError = new CodedError('STORE_FAILED', 'hub.db cannot be written');
    const shown = show(new GraphQLError('x', { originalError, path: ['applyPolicy'] }));
    assert.deepEqual([shown.message, shown.extensions['code']], ['hub.db cannot be written', 'STORE_FAILED']);
    assert.deepEqual(logged, [{ path: 'applyPolicy', error: 'hub.db cannot be written' }]);
  });

  it('of any other kind are sent without details, which are logged', () => {
    const shown = show(new GraphQLError('x', { originalError: new Error('a secret') }));
    assert.deepEqual(
      [shown.message, shown.extensions['code']],
      ['the hub failed; its log says why', 'INTERNAL'],
    );
    assert.match(JSON.stringify(logged), /a secret/);
  });
});
