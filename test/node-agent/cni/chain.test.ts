import { deepEqual, equal, match } from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { chained, unchained, usedFile } from '@isthmus/node-agent/cni/chain.ts';
import { ChainFile } from '@isthmus/node-agent/cni/chain-file.ts';
import { FakeClock } from '../../fakes/clock.ts';

const typesOf = (text: string) =>
  (JSON.parse(text) as { plugins: readonly { type: string }[] }).plugins.map(({ type }) => type);
const list = (...types: readonly string[]) =>
  JSON.stringify({ cniVersion: '1.0.0', name: 'k8s', plugins: types.map((type) => ({ type, mtu: 1400 })) });
const after = (text: string, by = chained) => {
  const result = by('10-k8s.conflist', text);
  return result.ok ? typesOf(result.value) : result.error;
};

describe('the chain of CNI plugins', () => {
  it('has ours last, once, and otherwise what it had', () => {
    deepEqual(after(list('ptp', 'portmap')), ['ptp', 'portmap', 'isthmus-cni']);
    deepEqual(after(list('ptp', 'isthmus-cni', 'portmap')), ['ptp', 'portmap', 'isthmus-cni']);
    deepEqual(after(list('ptp', 'isthmus-cni', 'isthmus-cni')), ['ptp', 'isthmus-cni']);
    deepEqual(after(list('ptp', 'isthmus-cni'), unchained), ['ptp']);
    const whole = list('ptp', 'isthmus-cni');
    deepEqual(chained('a.conflist', whole), { ok: true, value: whole });
    deepEqual(unchained('a.conflist', list('ptp')), { ok: true, value: list('ptp') });
  });

  for (const [name, text, expected] of [
    ['10.conf', '{"type":"ptp"}', /write it as a \.conflist/],
    ['10.conflist', '{', /is not JSON/],
    ['10.conflist', '{"plugins":[]}', /no list of plugins/],
    ['10.conflist', '{"plugins":[{}]}', /no list of plugins/],
  ] as const)
    it(`is left alone where ${name} has ${text}`, () => {
      const result = chained(name, text);
      match(result.ok ? '' : result.error, expected);
    });

  it('is the first file by name that a runtime reads', () => {
    equal(usedFile(['99-a.conflist', '10-b.conflist', '05-x.conflist.new', '00-readme']), '10-b.conflist');
    equal(usedFile([]), undefined);
  });

  describe('on a node', () => {
    let folder: string;
    let clock: FakeClock;
    let chain: ChainFile;
    const at = (name: string) => join(folder, name);
    const types = () => typesOf(readFileSync(at('10-k8s.conflist'), 'utf8'));
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'isthmus-chain-'));
      clock = new FakeClock();
      chain = new ChainFile({ configurations: folder, programs: folder, clock, log: silentLog });
    });
    afterEach(() => {
      chain.close();
      rmSync(folder, { recursive: true, force: true });
    });

    it('waits for the configuration of the cluster, is put back when another component rewrites it, and is taken out', async () => {
      chain.open();
      match(chain.problem ?? '', /no configuration yet/);
      writeFileSync(at('10-k8s.conflist'), list('ptp'));
      await clock.advance(10_000);
      deepEqual(types(), ['ptp', 'isthmus-cni']);
      equal(chain.problem, undefined);
      equal(statSync(at('isthmus-cni')).mode & 0o777, 0o755);
      writeFileSync(at('10-k8s.conflist'), list('ptp', 'bandwidth'));
      await clock.advance(10_000);
      deepEqual(types(), ['ptp', 'bandwidth', 'isthmus-cni']);
      chain.remove();
      deepEqual(types(), ['ptp', 'bandwidth']);
      equal(existsSync(at('isthmus-cni')), false);
    });

    it('says so where a folder cannot be written, and tries again', async () => {
      chain = new ChainFile({ configurations: folder, programs: at('none'), clock, log: silentLog });
      writeFileSync(at('10-k8s.conflist'), list('ptp'));
      chain.open();
      match(chain.problem ?? '', /none/);
      // Without its program it would refuse every pod.
      deepEqual(types(), ['ptp']);
      await clock.advance(10_000);
      deepEqual(types(), ['ptp']);
    });
  });
});
