import assert from 'node:assert/strict';
import { accessLines } from '../../sandbox/observe/access-log.ts';
import { sumSamples } from '../../sandbox/observe/stats.ts';
import { renderTable } from '../../sandbox/tour/table.ts';
import { readEnv } from '../../sandbox/up.ts';

describe('sandbox/observe', () => {
  it('reads access lines among others, quoted and bare', () => {
    const log =
      'noise\n2026-01-01T00:00:00Z\tinfo\taccess\tconnection complete\tsrc.addr=127.1.1.1:5 src.identity="spiffe://a/b" duration="3ms" error="deny \\"x\\""\n';
    assert.deepEqual(accessLines(log), [
      { 'src.addr': '127.1.1.1:5', 'src.identity': 'spiffe://a/b', duration: '3ms', error: 'deny \\"x\\"' },
    ]);
  });

  it('sums the samples that bear the labels', () => {
    const page = '# TYPE a counter\na{x="1",y="2"} 3\na{x="1"} 4\na{x="2"} 5\nab{x="1"} 9\n';
    assert.equal(sumSamples(page, 'a', { x: '1' }), 7);
    assert.equal(sumSamples(page, 'a'), 12);
  });

  it('marks what failed', () => {
    const table = renderTable([{ step: '1', expected: 'a', seen: 'b', ok: false }]);
    assert.match(table, /^FAILED\s+1\s+a\s+b$/m);
  });

  it('reads an environment file, values with equals signs too', () => {
    assert.deepEqual(readEnv('A=1\nB=x=y\n\n'), { A: '1', B: 'x=y' });
  });
});
