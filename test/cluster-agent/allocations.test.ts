import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Allocations } from '@isthmus/cluster-agent/source/files/allocations.ts';
import { FreeAddresses } from '@isthmus/cluster-agent/source/files/free-addresses.ts';
import { StateFile } from '@isthmus/cluster-agent/state/state-file.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { FakeClock } from '../fakes/clock.ts';

describe('allocations', () => {
  let folder = '';
  let path = '';
  let clock: FakeClock;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'isthmus-allocations-'));
    path = join(folder, 'allocations.json');
    clock = new FakeClock();
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const open = (block = '127.64.16.0/20', log = silentLog) =>
    new Allocations({ file: new StateFile(path, log), block, clock, log });
  const value = (allocated: { ok: boolean; value?: string }) => (allocated.ok ? allocated.value : 'none');
  const full = (allocations: Allocations) => {
    for (let i = 0; i < 248; i++) allocations.get('pods', `shop/p${i}`);
    return allocations;
  };

  it('keep an owner’s address, over restarts too', async () => {
    const first = open();
    assert.equal(value(first.get('pods', 'shop/a')), '127.64.17.2');
    assert.equal(value(first.get('apps', 'shop/a')), '127.64.18.2');
    assert.equal(value(first.get('vips', 'shop/a|k')), '127.64.20.2');
    assert.equal(value(first.get('pods', 'shop/b')), '127.64.17.3');
    await clock.advance(100);
    const second = open();
    assert.equal(value(second.get('pods', 'shop/b')), '127.64.17.3');
    assert.equal(value(second.get('pods', 'shop/c')), '127.64.17.4');
  });

  it('are written once for all that is allocated in one go', async () => {
    let writes = 0;
    const file = {
      read: () => undefined,
      write() {
        writes++;
      },
    };
    full(new Allocations({ file, block: '127.64.16.0/20', clock, log: silentLog }));
    await clock.advance(1000);
    assert.equal(writes, 1);
  });

  it('that cannot be written are written later', async () => {
    let writes = 0;
    const write = () => {
      if (writes++ === 0) throw new Error('no space left on device');
    };
    const file = { read: () => undefined, write };
    new Allocations({ file, block: '127.64.16.0/20', clock, log: silentLog }).get('pods', 'shop/a');
    await clock.advance(10_000);
    assert.equal(writes, 2);
  });

  it('run out with an error that names the block, and are free again when another owner has been gone for a while', async () => {
    const allocations = full(open());
    const refused = allocations.get('pods', 'shop/late');
    assert.match(refused.ok ? '' : refused.error, /no address is left.*127\.64\.16\.0\/20/);
    assert.deepEqual([...allocations.refused], ['pods shop/late']);
    const isThere = (_kind: string, owner: string) => owner !== 'shop/p7';
    allocations.release(isThere);
    await clock.advance(5 * 60_000);
    allocations.release(isThere);
    assert.equal(allocations.get('pods', 'shop/late').ok, false, 'it may come back');
    await clock.advance(5 * 60_000);
    allocations.release(isThere);
    assert.equal(value(allocations.get('pods', 'shop/late')), '127.64.17.9');
    assert.deepEqual([...allocations.refused], []);
  });

  it('that nobody has had come before those that are free again, the longest free first', () => {
    const allocations = open();
    for (const name of ['a', 'b', 'c']) allocations.get('pods', `shop/${name}`);
    for (const address of ['127.64.17.6', '127.64.17.5'])
      assert.ok(allocations.reserve('pods', 'shop/given', address).ok);
    assert.equal(
      value(allocations.get('pods', 'shop/d')),
      '127.64.17.7',
      'what a manifest gives is passed over',
    );
    allocations.unreserve('pods', 'shop/given');
    for (let i = 0; i < 242; i++) assert.ok(allocations.get('pods', `shop/more-${i}`).ok);
    assert.equal(value(allocations.get('pods', 'shop/e')), '127.64.17.6');
    assert.equal(value(allocations.get('pods', 'shop/f')), '127.64.17.5');
    assert.equal(allocations.get('pods', 'shop/g').ok, false);
  });

  it('of an owner that has come back are not released', async () => {
    const allocations = full(open());
    allocations.release(() => false);
    await clock.advance(9 * 60_000);
    allocations.release(() => true);
    await clock.advance(9 * 60_000);
    allocations.release(() => false);
    assert.equal(allocations.get('pods', 'shop/late').ok, false);
  });

  it('pass over what manifests give, and tell who has an address already', () => {
    const allocations = open();
    assert.ok(allocations.reserve('pods', 'shop/a', '127.64.17.2').ok);
    assert.ok(allocations.reserve('pods', 'shop/a', '127.64.17.2').ok, 'it is its own');
    assert.equal(value(allocations.get('pods', 'shop/b')), '127.64.17.3');
    const twice = allocations.reserve('pods', 'shop/c', '127.64.17.2');
    assert.match(twice.ok ? '' : twice.error, /127\.64\.17\.2 is the address of pods shop\/a/);
    assert.equal(allocations.reserve('pods', 'shop/c', '127.64.17.3').ok, false, 'allocated ones too');
    allocations.unreserve('pods', 'shop/a');
    assert.ok(allocations.reserve('pods', 'shop/c', '127.64.17.2').ok);
    assert.ok(allocations.reserve('apps', 'shop/a', '10.0.0.1').ok);
    assert.ok(allocations.reserve('apps', 'shop/b', '10.0.0.1').ok, 'on another port');
    assert.ok(allocations.reserve('apps', 'shop/c', '127.64.17.2').ok, 'on its own pod’s');
    assert.equal(allocations.reserve('apps', 'shop/d', '127.64.17.2').ok, false, 'not on another pod’s');
  });

  it('outside a block that has changed are not used', async () => {
    open().get('pods', 'shop/a');
    await clock.advance(100);
    assert.equal(value(open('127.64.32.0/20').get('pods', 'shop/a')), '127.64.33.2');
  });

  it('that are damaged are set aside', () => {
    writeFileSync(path, '{"pods": {');
    const warned: string[] = [];
    const log = { ...silentLog, warn: (_fields: object, message: string) => warned.push(message) };
    assert.equal(value(open(undefined, log).get('pods', 'shop/a')), '127.64.17.2');
    assert.equal(readFileSync(`${path}.damaged`, 'utf8'), '{"pods": {');
    assert.ok(!existsSync(path));
    assert.equal(warned.length, 1);
  });

  for (const block of ['127.64.16.0/24', '127.64.17.0/20', 'nonsense'])
    it(`refuse the block ${block}`, () => assert.throws(() => open(block), { code: 'BAD_BLOCK' }));
});

describe('free addresses of a range', () => {
  const range = { base: [127, 64, 16], first: 4, count: 12 } as const;

  it('are looked at once each, and not again when all are handed out', () => {
    const free = new FreeAddresses(range);
    let looked = 0;
    const isTaken = (address: string) => {
      looked++;
      return address.endsWith('.7');
    };
    const found = Array.from({ length: 12 * 247 }, () => free.next(isTaken));
    assert.equal(new Set(found).size, 12 * 247);
    assert.deepEqual([found[0], found.at(-1)], ['127.64.20.2', '127.64.31.249']);
    assert.equal(looked, 12 * 248);
    assert.equal(free.next(isTaken), undefined);
    free.give('127.64.25.9');
    assert.equal(free.next(isTaken), '127.64.25.9');
    assert.equal(looked, 12 * 248 + 1);
  });

  for (const address of [
    '127.64.19.249',
    '127.64.32.2',
    '127.64.20.1',
    '127.64.20.250',
    '127.65.20.2',
    '::1',
    '',
  ])
    it(`do not get ${address || 'an empty one'}, which is of another range`, () => {
      const free = new FreeAddresses(range);
      while (free.next(() => false) !== undefined);
      free.give(address);
      assert.equal(
        free.next(() => false),
        undefined,
      );
    });
});
