import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unreadReport } from '@isthmus/cluster-agent/coverage/applied.ts';
import { HubStore } from '@isthmus/cluster-agent/link/hub-store.ts';
import { formatTouched } from '@isthmus/cluster-agent/keys/touched.ts';
import { OlderHubViewFile } from '@isthmus/cluster-agent/link/older-hub-view.ts';
import { Journal } from '@isthmus/cluster-agent/state/journal.ts';
import { digestGroup } from '@isthmus/api/domain/digest-group.ts';
import { contentVersion } from '@isthmus/api/wire/binary.ts';
import * as wire from '@isthmus/api/wire/link.ts';
import { encodeTrustBundle } from '@isthmus/api/wire/trust.ts';
import { digestsOf } from '@isthmus/mesh/delta/digest.ts';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import { silentLog, type Log } from '@isthmus/mesh/process/log.ts';
import { until } from '../../fakes/agent.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { MemoryJournal } from '../../fakes/memory-journal.ts';
import { aMatch, anAuthorization } from '../../fakes/records.ts';
import { makeAuthority } from '../../fakes/authority.ts';

describe('the hub’s word on disk', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'isthmus-view-'));
  });
  const journals: Journal[] = [];
  afterEach(async () => {
    for (const one of journals.splice(0)) await one.close();
    rmSync(dir, { recursive: true });
  });
  const at = () => join(dir, 'hub-view.json');
  const folder = () => join(dir, 'hub-state');
  const open = (hub = 'hub-a', log: Log = silentLog) => {
    const journal = new Journal({ folder: folder(), clock: new FakeClock(), log });
    journals.push(journal);
    return new HubStore({ journal, hub, log, older: new OlderHubViewFile(at(), log) });
  };
  const shift = (percent: number) => {
    const body = wire.trafficShift.encode({
      id: 'd',
      cluster: 'west',
      percent,
      services: [],
      remoteOnly: false,
      deadline: undefined,
    });
    return { name: 'd', version: contentVersion(body), body };
  };

  it('is what it was after a restart, with its versions and whether it was whole', () => {
    const hubStore = open();
    assert.deepEqual(hubStore.apply('diversion', [shift(30)], []).rejected, []);
    assert.equal(hubStore.complete, false);
    assert.equal(hubStore.completed(), true);
    assert.equal(hubStore.completed(), false, 'that is no news');
    const again = open();
    assert.equal(again.complete, true);
    assert.equal(again.view.trafficShifts.get('d')?.percent, 30);
    assert.equal(again.version('diversion', 'd'), shift(30).version);
  });

  it('is not whole when the agent was killed before the end of the first sync', () => {
    const hubStore = open();
    hubStore.apply('diversion', [shift(30)], []);
    assert.equal(open().complete, false);
  });

  it('goes on with the one before of what cannot be read, and names it', () => {
    const hubStore = open();
    hubStore.apply('diversion', [shift(30)], []);
    const broken = { name: 'd', version: 'x', body: Buffer.from([0xff]) };
    assert.deepEqual(
      hubStore.apply('diversion', [broken], []).rejected.map(({ name }) => name),
      ['d'],
    );
    assert.equal(hubStore.view.trafficShifts.get('d')?.percent, 30);
  });

  it('has digests that are those of all its versions, whatever has come, gone, been refused, and been read again', () => {
    const unread = (name: string) => ({ name, version: `${name}-1`, body: Buffer.from([0xff]) });
    const assertDigests = (views: HubStore) => {
      const versions = views.versions();
      for (const type of wire.downTypes) {
        const group = (name: string) => digestGroup(type, name);
        assert.deepEqual(views.digests(type), digestsOf(versions.get(type) ?? [], group), type);
      }
    };
    const remote = (cluster: string, name: string) => {
      const key = { cluster, namespace: 'shop', name };
      const hostname = `${name}.shop.svc.cluster.local`;
      const lists = { ports: [], subjectAltNames: [], groups: [], gateways: [] };
      const body = wire.remoteService.encode({ ...key, hostname, ...lists });
      return { name: `${cluster}/shop/${name}`, version: contentVersion(body), body };
    };
    const views = open();
    assertDigests(views);
    views.apply('remote', [remote('west', 'a'), remote('west', 'b'), remote('east', 'a')], []);
    views.apply('diversion', [shift(30), unread('e')], []);
    views.apply('policy', [unread('p'), unread('q')], []);
    assertDigests(views);
    assert.equal(views.digests('remote').size, 2);
    views.apply('diversion', [shift(40), { ...shift(40), name: 'e', body: Buffer.from([0xff]) }], []);
    views.apply('remote', [], ['west/shop/a', 'east/shop/a', 'east/shop/never']);
    views.apply('policy', [], ['p']);
    assertDigests(views);
    assert.equal(views.digests('remote').size, 1);
    const again = open();
    assertDigests(again);
    assert.deepEqual(again.digests('remote'), views.digests('remote'));
    assertDigests(open('hub-b'));
  });

  describe('a policy that cannot be read and was never held', () => {
    const policy = (action: 'ALLOW' | 'DENY', revision = 1) => {
      const target = { namespace: 'shop', labels: { app: 'cart' } };
      const authorization = anAuthorization({
        name: 'isthmus~p',
        action,
        rules: [[[aMatch({ destinationPorts: [80] })]]],
      });
      const body = wire.compiledPolicy.encode({ name: 'p', revision, target, authorization });
      return { name: 'p', version: contentVersion(body), body };
    };
    const unreadable = () => {
      const one = policy('DENY');
      // Under another name nothing of its content is believed, but whom it is for.
      return { ...one, name: 'q' };
    };
    const rulesOf = (hubStore: HubStore, name: string) =>
      hubStore.view.policies.get(name)?.authorization.rules;

    it('closes what it is for, is refused by name, and is held in no version', () => {
      const hubStore = open();
      assert.deepEqual(
        hubStore.apply('policy', [unreadable()], []).rejected.map(({ name }) => name),
        ['q'],
      );
      assert.deepEqual(rulesOf(hubStore, 'q'), [[[aMatch({ destinationPorts: [80] })]]]);
      assert.equal(hubStore.version('policy', 'q'), undefined);
      assert.deepEqual([...hubStore.versions().get('policy')!], [['q', '']]);
    });

    it('reads as rejected in that version, with what is in force instead', () => {
      const hubStore = open();
      hubStore.apply('policy', [unreadable()], []);
      const [report] = [...hubStore.refused('policy')].map(([name, refused]) => unreadReport(name, refused));
      assert.deepEqual(
        [report?.subject, report?.version, report?.state],
        ['policy/q', unreadable().version, 'REJECTED'],
      );
      assert.match(
        report?.message ?? '',
        /until it can be read, workloads of shop with app=cart refuse whatever it may deny/,
      );
    });

    it('closes it still after a restart, and no longer when it is gone', () => {
      const hubStore = open();
      hubStore.apply('policy', [unreadable()], []);
      const again = open();
      assert.ok(rulesOf(again, 'q'));
      assert.equal(again.refused('policy').size, 1);
      again.apply('policy', [], ['q']);
      assert.equal(rulesOf(again, 'q'), undefined);
      assert.equal(again.refused('policy').size, 0);
    });

    it('is read once a version comes that can be, which it then keeps', () => {
      const hubStore = open();
      const garbage = { ...policy('DENY'), version: 'x', body: Uint8Array.of(10, 99) };
      hubStore.apply('policy', [garbage], []);
      assert.equal(rulesOf(hubStore, 'p'), undefined, 'nothing says whom it is for');
      const [report] = [...hubStore.refused('policy')].map(([name, refused]) => unreadReport(name, refused));
      assert.equal(report?.state, 'REJECTED');
      assert.match(
        report.message,
        /nothing is in force in its place, and connections that it denies are let in/,
      );
      hubStore.apply('policy', [policy('ALLOW')], []);
      assert.equal(hubStore.refused('policy').size, 0);
      hubStore.apply('policy', [garbage], []);
      assert.equal(hubStore.view.policies.get('p')?.authorization.action, 'ALLOW');
      assert.deepEqual([...hubStore.versions().get('policy')!], [['p', policy('ALLOW').version]]);
    });
  });

  it('takes no resource under a name that its content does not have', () => {
    const hubStore = open();
    const stray = { ...shift(30), name: 'another' };
    assert.deepEqual(hubStore.apply('diversion', [stray], []).rejected, [
      { name: 'another', reason: 'its content is that of "d"' },
    ]);
    assert.equal(hubStore.view.trafficShifts.size, 0);
  });

  it('is unknown, not empty, when what was flushed is damaged: the folder is set aside', async () => {
    const hubStore = open();
    hubStore.apply('diversion', [shift(30)], []);
    hubStore.completed();
    await hubStore.flushed();
    const segment = join(folder(), '00000001.log');
    const bytes = readFileSync(segment);
    bytes[60]! ^= 1;
    writeFileSync(segment, bytes);
    const again = open();
    assert.deepEqual([again.complete, again.view.trafficShifts.size], [false, 0]);
    assert.deepEqual(readFileSync(join(`${folder()}.damaged`, '00000001.log')), bytes);
  });

  it('is not believed for another hub, to which the cluster has moved', () => {
    const hubStore = open('hub-a');
    hubStore.apply('diversion', [shift(30)], []);
    hubStore.completed();
    const seen = (hub: string) => {
      const { complete, view } = open(hub);
      return [complete, view.trafficShifts.size];
    };
    assert.deepEqual(seen('hub-a'), [true, 1]);
    assert.deepEqual(seen('hub-b'), [false, 0]);
    assert.deepEqual(seen('hub-a'), [false, 0], 'what it had said is gone');
  });

  it('says what a message has touched: nothing when it is in the version that is held', () => {
    const hubStore = open();
    const touched = (...args: Parameters<HubStore['apply']>) =>
      [...hubStore.apply(...args).changes].map((key) => formatTouched(key));
    assert.deepEqual(touched('diversion', [shift(30)], []), ['hub diversion d']);
    assert.deepEqual(touched('diversion', [shift(30)], ['never there']), []);
    const garbage = { name: 'p', version: 'x', body: Uint8Array.of(10, 99) };
    assert.deepEqual(touched('policy', [garbage], []), ['hub policy p'], 'it is reported as refused');
    assert.deepEqual(touched('policy', [], ['p']), ['hub policy p']);
    assert.deepEqual(touched('diversion', [], ['d']), ['hub diversion d']);
  });

  it('is named by the versions that are held, with what was removed not among them', () => {
    const hubStore = open();
    hubStore.apply('diversion', [shift(30)], []);
    hubStore.apply('diversion', [shift(40)], []);
    const held = (store: HubStore) => [...store.versions().get('diversion')!];
    assert.deepEqual(held(open()), [['d', shift(40).version]]);
    hubStore.apply('diversion', [], ['d']);
    assert.deepEqual(held(open()), []);
  });

  it('has names of 4,095 and 4,096 characters, and refuses one of 4,097, which it does not keep', () => {
    const hubStore = open();
    for (const length of [4095, 4096, 4097]) {
      const stray = { ...shift(30), name: '€'.repeat(length) };
      const [refused] = hubStore.apply('diversion', [stray], []).rejected;
      assert.match(
        refused?.reason ?? '',
        length > 4096 ? /4097 characters, and may have 4096 at most/ : /its content is that of "d"/,
      );
    }
    assert.equal(open().refused('diversion').size, 2);
  });

  describe('of an agent that wrote it into one file', () => {
    const write = (hub: string | undefined, text?: string) => {
      const { name, version, body } = shift(30);
      const resources = [[name, version, Buffer.from(body).toString('base64')]];
      writeFileSync(at(), text ?? JSON.stringify({ hub, complete: true, types: [['diversion', resources]] }));
    };
    const removed = () => until(() => !existsSync(at()));

    for (const hub of ['hub-a', undefined])
      it(`is taken over once, and the file is removed, also when it does ${hub ? '' : 'not '}say of which hub it is`, async () => {
        write(hub);
        const hubStore = open();
        assert.deepEqual([hubStore.complete, hubStore.view.trafficShifts.get('d')?.percent], [true, 30]);
        await removed();
        hubStore.apply('diversion', [shift(40)], []);
        write(hub);
        assert.equal(open().view.trafficShifts.get('d')?.percent, 40);
        await removed();
      });

    it('is left out when it is of another hub', async () => {
      write('hub-b');
      const hubStore = open();
      assert.deepEqual([hubStore.complete, hubStore.view.trafficShifts.size], [false, 0]);
      await removed();
    });

    for (const [what, text] of [
      ['cut short', '{"complete":true,"types":[["diver'],
      ['of another shape', '[["diversion",[]]]'],
      ['not of resources', '{"complete":true,"types":[["diversion",[["d","1"]]]]}'],
    ] as const)
      it(`is unknown, not empty, when the file is ${what}: it is set aside`, () => {
        write(undefined, text);
        assert.equal(open().complete, false);
        assert.equal(readFileSync(`${at()}.damaged`, 'utf8'), text);
        assert.equal(existsSync(at()), false);
      });
  });

  it('is written in its order when there is room again, and reported each second until then', () => {
    const errors: object[] = [];
    const disk = new FullDisk();
    const log = { ...silentLog, error: (fields: object) => errors.push(fields) };
    let failures = 0;
    const hubStore = new HubStore({ journal: disk, hub: 'hub-a', log, onUnsaved: () => failures++ });
    disk.isFull = true;
    assert.equal(hubStore.isUnsaved, false);
    hubStore.apply('diversion', [shift(30), { ...shift(30), name: 'stray' }], []);
    hubStore.completed();
    hubStore.apply('diversion', [shift(40)], ['stray']);
    assert.equal(hubStore.view.trafficShifts.get('d')?.percent, 40, 'proxies have it');
    assert.deepEqual([errors.length, failures, hubStore.isUnsaved], [1, 1, true]);
    assert.equal(hubStore.unsaved, full.message);
    hubStore.save();
    assert.equal(errors.length, 2);
    disk.isFull = false;
    hubStore.save();
    assert.equal(hubStore.isUnsaved, false);
    assert.deepEqual(disk.changed, ['hub', 'hub diversion d', '-hub diversion stray', 'complete']);
    hubStore.save();
    assert.equal(errors.length, 2);
    const again = new HubStore({ journal: disk, hub: 'hub-a', log });
    assert.deepEqual([again.complete, again.view.trafficShifts.get('d')?.percent], [true, 40]);
  });

  it('is flushed again after a flush that failed', async () => {
    const disk = new FullDisk();
    const hubStore = new HubStore({ journal: disk, hub: 'hub-a', log: silentLog });
    disk.isFull = true;
    await hubStore.flushed();
    const before = disk.flushes;
    hubStore.save();
    assert.equal(disk.flushes, before + 1);
    disk.isFull = false;
    await hubStore.flushed();
    hubStore.save();
    hubStore.save();
    assert.ok(disk.flushes <= before + 3);
  });

  it('keeps the newer bundle of a trust domain, also after a restart', () => {
    const { root, trustDomain } = makeAuthority();
    const bundle = (sequence: number) => {
      const body = encodeTrustBundle({ trustDomain, roots: [root], sequence });
      return { name: trustDomain, version: contentVersion(body), body };
    };
    const first = open();
    assert.deepEqual(first.apply('trust-bundle', [bundle(4)], []).rejected, []);
    assert.deepEqual(first.apply('trust-bundle', [bundle(5)], []).rejected, []);
    for (const store of [first, open()]) {
      const [refused] = store.apply('trust-bundle', [bundle(4)], []).rejected;
      assert.match(refused?.reason ?? '', /sequence 4, and 5 is held/);
      assert.equal(store.view.bundles.get(trustDomain)?.sequence, 5);
      assert.deepEqual(store.apply('trust-bundle', [bundle(5)], []).rejected, []);
    }
  });
});

class FullDisk extends MemoryJournal {
  isFull = false;
  flushes = 0;
  /** Keys in the order in which they were written; with a `-`: removed. */
  readonly changed: string[] = [];

  override put(key: string, body: Uint8Array): void {
    this.#write();
    super.put(key, body);
    this.changed.push(key);
  }

  override remove(key: string): void {
    this.#write();
    super.remove(key);
    if (key !== 'complete') this.changed.push(`-${key}`);
  }

  override flushed(): Promise<void> {
    this.flushes++;
    return this.isFull ? Promise.reject(full) : super.flushed();
  }

  #write(): void {
    if (this.isFull) throw full;
  }
}

const full = new CodedError('WRITE_FAILED', 'the file system is full: make room');
