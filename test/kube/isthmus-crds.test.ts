import { deepEqual, equal, match, throws } from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import { foreignKinds } from '@isthmus/cluster-agent/access.ts';
import { definitionOf } from '../../charts/definition.ts';
import { until } from '../fakes/agent.ts';
import { definitions } from './foreign-crds.ts';
import { helmIn } from './helm-in.ts';
import { withApiServer } from './start-api-server.ts';

const chart = join(import.meta.dirname, '../../charts/isthmus-crds');
const names = foreignKinds.map(({ plural, group }) => `${plural}.${group}`).sort();
const gateways = 'gateways.gateway.networking.k8s.io';
const exports = 'serviceexports.multicluster.x-k8s.io';

interface Definition {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: { readonly names: { readonly shortNames?: readonly string[] } };
}

withApiServer('the chart isthmus-crds, by helm in a real API server', (started) => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-crds-'));
  const changed = join(folder, 'isthmus-crds');
  let server: ApiServer;
  before(function () {
    if (run === undefined) {
      console.warn('      DID NOT RUN: neither HELM_BIN nor KUBEBUILDER_ASSETS has helm');
      this.skip();
    }
    server = started().client().server;
    cpSync(chart, changed, { recursive: true });
  });
  after(() => rmSync(folder, { recursive: true }));

  const run = helmIn(folder, () => started().kubeconfig());
  const helm = (...words: readonly string[]) => run?.([...words, '--namespace', 'isthmus-system']);
  const at = (name: string) => ({ namespace: '', name });
  const get = async (name: string) => (await server.get(definitions, at(name))) as Definition;
  const present = async () => {
    const { items } = await server.list(definitions, {});
    return items.map((one) => (one as Definition).metadata.name).sort();
  };
  /** As the project that owns the kind would install it: a definition of the same name without our labels. */
  const installForeign = async (name: string) => {
    const kind = foreignKinds.find(({ plural, group }) => `${plural}.${group}` === name);
    if (!kind) throw new Error(`no foreign kind ${name}`);
    await server.create(definitions, '', definitionOf(kind));
    return get(name);
  };

  it('makes nothing unless foreignCRDs is set', async () => {
    const notes = helm('install', 'isthmus-crds', chart, '--create-namespace');
    match(notes ?? '', /Nothing was made[^]*--set foreignCRDs=true/);
    deepEqual(await present(), []);
    helm('uninstall', 'isthmus-crds');
  });

  it('makes the definitions that are missing, and leaves alone one that exists', async () => {
    const before = await installForeign(gateways);
    helm('install', 'isthmus-crds', chart, '--set', 'foreignCRDs=true');
    deepEqual(await present(), names);
    const after = await get(gateways);
    deepEqual([after.metadata.uid, after.spec], [before.metadata.uid, before.spec]);
    equal(after.metadata.annotations?.['meta.helm.sh/release-name'], undefined);
  });

  it('brings a changed definition by an upgrade, and keeps the objects', async () => {
    const file = join(changed, 'foreign', `${exports}.yaml`);
    const text = readFileSync(file, 'utf8');
    writeFileSync(
      file,
      text.replace('singular: serviceexport\n', 'singular: serviceexport\n    shortNames: [sx]\n'),
    );
    const { uid } = (await get(exports)).metadata;
    const kind = foreignKinds.find(({ plural }) => plural === 'serviceexports');
    if (!kind) throw new Error('agents read no ServiceExport');
    const object = {
      apiVersion: `${kind.group}/${kind.version}`,
      kind: kind.kind,
      metadata: { name: 'cart' },
    };
    await until(() => server.create(kind, 'default', object).catch(() => undefined));
    helm('upgrade', 'isthmus-crds', changed, '--set', 'foreignCRDs=true');
    const after = await get(exports);
    deepEqual([after.metadata.uid, after.spec.names.shortNames], [uid, ['sx']]);
    // The server answers 429 while it opens the storage of the changed definition.
    const { items } = await until(() => server.list(kind, {}).catch(() => undefined));
    equal(items.length, 1);
  });

  for (const foreignCRDs of [true, false])
    it(`refuses an upgrade (foreignCRDs=${foreignCRDs}) that would delete another project's definition`, async () => {
      if ((await get(exports)).metadata.annotations?.['meta.helm.sh/release-name'] !== undefined) {
        await server.remove(definitions, at(exports));
        await until(async () => !(await present()).includes(exports));
        await installForeign(exports);
      }
      const { uid } = (await get(exports)).metadata;
      throws(
        () => helm('upgrade', 'isthmus-crds', chart, '--set', `foreignCRDs=${foreignCRDs}`),
        /kubectl annotate crd serviceexports\.multicluster\.x-k8s\.io helm\.sh\/resource-policy=keep/,
      );
      equal((await get(exports)).metadata.uid, uid);
    });

  it('leaves it alone once it has the annotation that the message names', async () => {
    const keep = { metadata: { annotations: { ['helm.sh/resource-policy']: 'keep' } } };
    await server.patch(definitions, at(exports), { how: 'merge' }, keep);
    const { uid } = (await get(exports)).metadata;
    helm('upgrade', 'isthmus-crds', chart, '--set', 'foreignCRDs=true');
    const { metadata, spec } = await get(exports);
    deepEqual([metadata.uid, spec.names.shortNames], [uid, undefined]);
  });

  it('leaves all definitions when foreignCRDs is turned off and when it is uninstalled', async () => {
    helm('upgrade', 'isthmus-crds', chart, '--set', 'foreignCRDs=false');
    deepEqual(await present(), names);
    helm('upgrade', 'isthmus-crds', chart, '--set', 'foreignCRDs=true');
    helm('uninstall', 'isthmus-crds');
    deepEqual(await present(), names);
    helm('install', 'isthmus-crds', chart, '--set', 'foreignCRDs=true');
    deepEqual(await present(), names);
  });
});
