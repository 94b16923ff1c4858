import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import { readManifests } from '../../cluster-agent/source/files/read-file.ts';
import { serviceReports } from '../../cluster-agent/translate/report.ts';
import { translate } from '../../cluster-agent/translate/translate.ts';
import { ClusterView } from '../../cluster-agent/view/cluster-view.ts';
import { emptyHubView } from '../../cluster-agent/view/hub-view.ts';

function viewOf(folder: string) {
  const view = new ClusterView();
  const skipped: string[] = [];
  for (const file of readdirSync(folder).filter((name) => /\.ya?ml$/.test(name))) {
    const { objects, rejections, broken } = readManifests(readFileSync(join(folder, file), 'utf8'), file);
    assert.equal(broken, false, `${file} cannot be read`);
    const bad = rejections.filter(({ reason }) => !reason.startsWith('SKIPPED'));
    assert.deepEqual(bad, [], `${file}: an object was refused`);
    skipped.push(...rejections.map(({ object }) => object));
    view.apply([...objects].map(([id, { object }]) => ({ type: 'upsert', id, object })));
  }
  view.apply([{ type: 'synced' }]);
  return { view, skipped };
}

/** Every object is read, unknown kinds are told, and services are shown without endpoints, as no Pods came along. */
function check(folder: string, firstFreePort: number): { services: readonly ServiceObject[]; low: number } {
  const { view } = viewOf(folder);
  const input = { cluster: 'east', trustDomain: 'cluster.local', view, hub: emptyHubView, firstFreePort };
  const snapshot = translate(input, undefined);
  const reports = serviceReports(input);
  const services = view.all('Service');
  assert.equal(snapshot.services.size, services.length);
  assert.equal(reports.size, services.length);
  assert.equal(snapshot.workloads.size, 0);
  const low = [...reports.values()].filter(({ conditions }) =>
    conditions.some(({ reason }) => reason === 'PORT_NOT_CAPTURABLE'),
  );
  return { services, low: low.length };
}

describe('manifests that others wrote', () => {
  const own = join(import.meta.dirname, '../manifests');

  it('are read, what is not acted on is named, and services show (our own equivalents)', () => {
    const { skipped } = viewOf(own);
    assert.deepEqual(skipped.map((what) => what.split(' ')[1]).sort(), [
      'Deployment',
      'HTTPRoute',
      'VirtualService',
    ]);
    const { services, low } = check(own, 1024);
    assert.deepEqual(
      services.map(({ metadata }) => metadata.name),
      ['pages'],
    );
    assert.equal(low, 1, 'port 80 cannot be bound without root, and the service says so');
    assert.equal(check(own, 0).low, 0, 'with root it can');
  });

  const folders = (process.env['ISTHMUS_FOREIGN_MANIFESTS'] ?? '')
    .split(':')
    .filter((folder) => folder !== '');
  if (folders.length === 0)
    it('NOT RUN: ISTHMUS_FOREIGN_MANIFESTS names no folder of manifests written by others', function () {
      console.log(
        '      NOT RUN: set ISTHMUS_FOREIGN_MANIFESTS to folders of manifests, separated by colons',
      );
      this.skip();
    });
  for (const [index, folder] of folders.entries())
    it(`are read, all of them (folder ${index + 1} of ISTHMUS_FOREIGN_MANIFESTS)`, () => {
      const { services } = check(folder, 1024);
      assert.ok(services.length > 0);
    });
});
