import assert from 'node:assert/strict';
import { accessLines } from '../../sandbox/observe/access-log.ts';
import { parseTap, tappedBytes } from '../../sandbox/observe/tap-file.ts';
import { tapEntry } from '../../ztunnel/proxy/tap.ts';
import { sumSamples } from '../../sandbox/observe/stats.ts';
import { renderTable } from '../../sandbox/tour/table.ts';
import { readEnv } from '../../sandbox/processes/pod-env.ts';

describe('sandbox/observe', () => {
  it('reads access lines among others, quoted and bare', () => {
    const log =
      'noise\n2026-01-01T00:00:00Z\tinfo\taccess\tconnection complete\tsrc.addr=127.1.1.1:5 src.identity="spiffe://a/b" duration="3ms" error="deny \\"x\\""\n';
    assert.deepEqual(accessLines(log), [
      { 'src.addr': '127.1.1.1:5', 'src.identity': 'spiffe://a/b', duration: '3ms', error: 'deny \\"x\\"' },
    ]);
  });

  it('sums the samples that have the labels', () => {
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

  const entry = (action: 'read' | 'written', end: string, text: string) =>
    tapEntry(action, end, Buffer.from(text), 0);

  it('joins what a tap wrote of one end, so that a marker in two chunks is found', () => {
    const file = Buffer.concat([
      entry('read', '127.1.1.1:5', 'mar'),
      entry('written', '127.1.1.2:6', 'x\n#tap not an entry\n'),
      entry('read', '127.1.1.1:5', 'ker'),
    ]);
    const streams = parseTap(file);
    assert.deepEqual(
      streams.map(({ action, end, bytes }) => [action, end, String(bytes)]),
      [
        ['read', '127.1.1.1:5', 'marker'],
        ['written', '127.1.1.2:6', 'x\n#tap not an entry\n'],
      ],
    );
    assert.equal(tappedBytes(streams, 'read'), 6);
  });

  it('leaves out a tap’s last entry while it is half written, and refuses what is not a tap', () => {
    const whole = entry('read', 'a:1', 'one');
    const file = Buffer.concat([whole, entry('read', 'a:1', 'two')]);
    for (let cut = whole.length; cut < file.length; cut++)
      assert.deepEqual(
        parseTap(file.subarray(0, cut)).map(({ bytes }) => String(bytes)),
        ['one'],
      );
    assert.throws(() => parseTap(Buffer.from('something else\n')), /byte 0/);
  });
});
