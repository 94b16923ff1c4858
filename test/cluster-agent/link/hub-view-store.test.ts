import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unreadPolicies } from '@isthmus/cluster-agent/applied.ts';
import { HubViewStore } from '@isthmus/cluster-agent/link/hub-view-store.ts';
import { StateFile } from '@isthmus/cluster-agent/state/state-file.ts';
import { contentVersion } from '@isthmus/api/wire/binary.ts';
import * as wire from '@isthmus/api/wire/link.ts';
import { encodeTrustBundle } from '@isthmus/api/wire/trust.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { aMatch, anAuthorization } from '../../fakes/records.ts';
import { makeAuthority } from '../../fakes/authority.ts';

describe('the hub’s word on disk', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'isthmus-view-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));
  const at = () => join(dir, 'hub-view.json');
  const open = () => new HubViewStore(new StateFile(at(), silentLog));
  const diversion = (percent: number) => {
    const body = wire.diversion.encode({
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
    const views = open();
    assert.deepEqual(views.apply('diversion', [diversion(30)], []), []);
    assert.equal(views.complete, false);
    assert.equal(views.completed(), true);
    assert.equal(views.completed(), false, 'that is no news');
    views.save();
    assert.equal(statSync(at()).mode & 0o777, 0o600);
    const again = open();
    assert.equal(again.complete, true);
    assert.equal(again.view.diversions.get('d')?.percent, 30);
    assert.equal(again.version('diversion', 'd'), diversion(30).version);
  });

  it('is not whole when it was saved before the end of the first sync', () => {
    const views = open();
    views.apply('diversion', [diversion(30)], []);
    views.save();
    assert.equal(open().complete, false);
  });

  it('goes on with the one before of what cannot be read, and names it', () => {
    const views = open();
    views.apply('diversion', [diversion(30)], []);
    const broken = { name: 'd', version: 'x', body: Buffer.from([0xff]) };
    assert.deepEqual(
      views.apply('diversion', [broken], []).map(({ name }) => name),
      ['d'],
    );
    assert.equal(views.view.diversions.get('d')?.percent, 30);
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
    const rulesOf = (views: HubViewStore, name: string) => views.view.policies.get(name)?.authorization.rules;

    it('closes what it is for, is refused by name, and is held in no version', () => {
      const views = open();
      assert.deepEqual(
        views.apply('policy', [unreadable()], []).map(({ name }) => name),
        ['q'],
      );
      assert.deepEqual(rulesOf(views, 'q'), [[[aMatch({ destinationPorts: [80] })]]]);
      assert.equal(views.version('policy', 'q'), undefined);
      assert.deepEqual([...views.versions().get('policy')!], [['q', '']]);
    });

    it('reads as rejected in that version, with what is in force instead', () => {
      const views = open();
      views.apply('policy', [unreadable()], []);
      const [report] = unreadPolicies(views);
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
      const views = open();
      views.apply('policy', [unreadable()], []);
      views.save();
      const again = open();
      assert.ok(rulesOf(again, 'q'));
      assert.equal(again.refused('policy').size, 1);
      again.apply('policy', [], ['q']);
      assert.equal(rulesOf(again, 'q'), undefined);
      assert.equal(again.refused('policy').size, 0);
    });

    it('is read once a version comes that can be, which it then keeps', () => {
      const views = open();
      const garbage = { ...policy('DENY'), version: 'x', body: Uint8Array.of(10, 99) };
      views.apply('policy', [garbage], []);
      assert.equal(rulesOf(views, 'p'), undefined, 'nothing says whom it is for');
      const [report] = unreadPolicies(views);
      assert.equal(report?.state, 'REJECTED');
      assert.match(
        report.message,
        /nothing is in force in its place, and connections that it denies are let in/,
      );
      views.apply('policy', [policy('ALLOW')], []);
      assert.equal(views.refused('policy').size, 0);
      views.apply('policy', [garbage], []);
      assert.equal(views.view.policies.get('p')?.authorization.action, 'ALLOW');
      assert.deepEqual([...views.versions().get('policy')!], [['p', policy('ALLOW').version]]);
    });
  });

  it('takes no resource under a name that its content does not have', () => {
    const views = open();
    const stray = { ...diversion(30), name: 'another' };
    assert.deepEqual(views.apply('diversion', [stray], []), [
      { name: 'another', reason: 'its content is that of "d"' },
    ]);
    assert.equal(views.view.diversions.size, 0);
  });

  for (const [what, text] of [
    ['cut short', '{"complete":true,"types":[["diver'],
    ['of another shape', '[["diversion",[]]]'],
    ['not of resources', '{"complete":true,"types":[["diversion",[["d","1"]]]]}'],
  ] as const)
    it(`is unknown, not empty, when its file is ${what}: it is set aside`, () => {
      writeFileSync(at(), text);
      const views = open();
      assert.equal(views.complete, false);
      assert.equal(readFileSync(`${at()}.damaged`, 'utf8'), text);
      assert.equal(existsSync(at()), false);
    });

  it('is not believed for another hub, to which the cluster has moved', () => {
    const of = (hubId: string) => new HubViewStore(new StateFile(at(), silentLog), hubId);
    const views = of('hub-a');
    views.apply('diversion', [diversion(30)], []);
    views.completed();
    views.save();
    assert.deepEqual([of('hub-a').complete, of('hub-a').view.diversions.size], [true, 1]);
    assert.deepEqual([of('hub-b').complete, of('hub-b').view.diversions.size], [false, 0]);
  });

  it('keeps the newer bundle of a trust domain, also after a restart', () => {
    const { root, trustDomain } = makeAuthority();
    const bundle = (sequence: number) => {
      const body = encodeTrustBundle({ trustDomain, roots: [root], sequence });
      return { name: trustDomain, version: contentVersion(body), body };
    };
    const path = join(dir, 'bundles.json');
    const first = new HubViewStore(new StateFile(path, silentLog));
    assert.deepEqual(first.apply('trust-bundle', [bundle(4)], []), []);
    assert.deepEqual(first.apply('trust-bundle', [bundle(5)], []), []);
    first.save();
    for (const store of [first, new HubViewStore(new StateFile(path, silentLog))]) {
      const [refused] = store.apply('trust-bundle', [bundle(4)], []);
      assert.match(refused?.reason ?? '', /sequence 4, and 5 is held/);
      assert.equal(store.view.bundles.get(trustDomain)?.sequence, 5);
      assert.deepEqual(store.apply('trust-bundle', [bundle(5)], []), []);
    }
  });
});
