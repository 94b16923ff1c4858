import assert from 'node:assert/strict';
import type { ClusterObject } from '@isthmus/api/kubernetes/objects.ts';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAgent } from '@isthmus/cluster-agent/start.ts';
import { readManifests } from '@isthmus/cluster-agent/source/files/read-file.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { startTestHub, type TestHub } from '../fakes/hub.ts';

const root = join(import.meta.dirname, '../..');
const createToken =
  'mutation($input: CreateJoinTokenInput!) { result: createJoinToken(input: $input) { token } }';

interface Shown {
  readonly cluster: { readonly rejections: readonly { object: string; code: string; severity: string }[] };
  readonly services: {
    readonly nodes: readonly {
      readonly namespace: string;
      readonly name: string;
      readonly clusters: readonly {
        readonly groups: readonly { readonly total: number }[];
        readonly conditions: readonly {
          readonly reason: string;
          readonly message: string;
          readonly remedy: string;
        }[];
      }[];
    }[];
  };
}

const everything = `{
  cluster(name: "east") { rejections { object code severity } }
  services(first: 100) { nodes { namespace name clusters { groups { total } conditions { reason message remedy } } } }
}`;

/** A hub and an agent whose folder is the shop's, with other manifests beside it. */
describe('manifests that others wrote, beside the shop', () => {
  let hub: TestHub;
  let stop: AbortController;
  let dir = '';
  beforeEach(async () => {
    hub = await startTestHub();
    stop = new AbortController();
    dir = mkdtempSync(join(tmpdir(), 'isthmus-foreign-'));
  });
  afterEach(() => {
    stop.abort();
    hub.stop();
    // The agent may be writing its last.
    rmSync(dir, { recursive: true, maxRetries: 5 });
  });

  async function startWith(folder: string): Promise<void> {
    const manifests = join(dir, 'manifests');
    cpSync(folder, join(manifests, 'foreign'), { recursive: true });
    const shop = readFileSync(join(root, 'sandbox/clusters/east.yaml'), 'utf8');
    writeFileSync(join(manifests, 'east.yaml'), shop.replaceAll('127.N.', `127.${hub.octet}.`));
    const { data } = await hub.ask<{ result: { token: string } }>(createToken, {
      input: { cluster: 'east' },
    });
    const tokenFile = join(dir, 'token');
    writeFileSync(tokenFile, data!.result.token);
    const at = `127.${hub.octet}.16`;
    await startAgent(
      {
        cluster: 'east',
        stateDir: join(dir, 'agent'),
        runtime: {
          kind: 'files',
          manifests,
          addresses: `${at}.0/20`,
          localAddress: `${at}.1`,
          // Where a test runs as root everything can be bound.
          tryBind: (port) => Promise.resolve(port < 1024 ? 'EACCES' : undefined),
        },
        tokenFile,
        trustDomain: defaultTrustDomain,
        xdsHost: `${at}.1`,
        xdsPort: 15_012,
        localAddress: `${at}.1`,
        clock: systemClock,
        random: systemRandom,
        log: silentLog,
      },
      stop.signal,
    );
  }

  /** What GraphQL shows once every service that is expected has come, and what binding the ports of `refused` met. */
  async function shownWith(names: readonly string[], refused: readonly string[]): Promise<Shown> {
    for (;;) {
      const { data } = await hub.ask<Shown>(everything);
      const found = new Map(
        data!.services.nodes.map((one) => [
          `${one.namespace}/${one.name}`,
          one.clusters[0]?.conditions ?? [],
        ]),
      );
      const isReported = refused.every((name) => (found.get(name)?.length ?? 0) > 0);
      if (isReported && names.every((name) => found.has(name))) return data!;
    }
  }

  it('show in GraphQL, without endpoints, and say which port cannot be captured', async () => {
    await startWith(join(root, 'test/manifests'));
    const shown = await shownWith(['demo/pages', 'shop/catalogue'], ['demo/pages']);
    const service = (name: string) => shown.services.nodes.find((one) => one.name === name);
    assert.deepEqual(service('pages')?.clusters[0]?.groups, []);
    const [condition] = service('pages')?.clusters[0]?.conditions ?? [];
    assert.equal(condition?.reason, 'PORT_NOT_CAPTURABLE');
    assert.match(condition.message, /port 80 cannot be bound without root/);
    assert.match(condition.remedy, /ip_unprivileged_port_start/);
    assert.deepEqual(service('catalogue')?.clusters[0]?.conditions, []);
    assert.deepEqual(
      shown.cluster.rejections.map(({ object, code }) => [object.split(' ')[0], code]),
      ['Deployment', 'VirtualService', 'HTTPRoute'].map((kind) => [kind, 'SKIPPED']),
    );
  });

  const folders = (process.env['ISTHMUS_FOREIGN_MANIFESTS'] ?? '').split(':').filter((one) => one !== '');
  if (folders.length === 0)
    it('NOT RUN: ISTHMUS_FOREIGN_MANIFESTS names no folder of manifests written by others', function () {
      console.log(
        '      NOT RUN: set ISTHMUS_FOREIGN_MANIFESTS to folders of manifests, separated by colons',
      );
      this.skip();
    });
  for (const [index, folder] of folders.entries())
    it(`are read, all of them, and show (folder ${index + 1} of ISTHMUS_FOREIGN_MANIFESTS)`, async () => {
      const expected = servicesIn(folder);
      assert.ok(expected.size > 0);
      await startWith(folder);
      const low = [...expected]
        .filter(([, ports]) => ports.some((port) => port < 1024))
        .map(([name]) => name);
      const { services, cluster } = await shownWith([...expected.keys(), 'shop/catalogue'], low);
      for (const { namespace, name, clusters } of services.nodes) {
        const ports = expected.get(`${namespace}/${name}`);
        if (!ports) continue;
        assert.deepEqual(clusters[0]?.groups, [], `${name} has no pods`);
        assert.equal(
          clusters[0].conditions.length > 0,
          ports.some((port) => port < 1024),
          name,
        );
      }
      const said = cluster.rejections.filter(({ severity }) => severity !== 'INFO');
      assert.deepEqual(
        said.map(({ code, object }) => `${code} ${object}`),
        hostsWithoutAddress(folder).map((entry) => `NOT_APPLIED ServiceEntry ${entry}`),
      );
    });
});

/** `<namespace>/<name>` to ports of every Service. */
const servicesIn = (folder: string): Map<string, readonly number[]> =>
  new Map(
    objectsIn(folder).flatMap((one) =>
      one.kind === 'Service'
        ? [[`${one.metadata.namespace}/${one.metadata.name}`, one.ports.map(({ port }) => port)]]
        : [],
    ),
  );

/** ServiceEntries whose hosts have no address, at which nothing can be captured. */
const hostsWithoutAddress = (folder: string): readonly string[] =>
  objectsIn(folder).flatMap((one) =>
    one.kind === 'ServiceEntry' && one.addresses.length === 0
      ? [`${one.metadata.namespace}/${one.metadata.name}`]
      : [],
  );

/** Every object is read. */
function objectsIn(folder: string): readonly ClusterObject[] {
  const files = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
  return files.flatMap((file) => {
    const contents = readManifests(readFileSync(join(folder, file), 'utf8'), file);
    assert.equal(contents.broken, false, file);
    return [...contents.objects.values()].map(({ object }) => object);
  });
}
