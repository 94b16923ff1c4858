import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RemoteService } from '@isthmus/api/domain/directive.ts';
import { ProjectedTokens } from '@isthmus/cluster-agent/source/files/tokens.ts';
import { PodFiles } from '@isthmus/cluster-agent/source/files/pod-files/pod-files.ts';
import { PodFilesWriter } from '@isthmus/cluster-agent/source/files/pod-files/writer.ts';
import { ChangeSet } from '@isthmus/cluster-agent/keys/change-set.ts';
import { clientId, podKey, serviceKeyOf, type ClientId } from '@isthmus/cluster-agent/keys/names.ts';
import type { Touched } from '@isthmus/cluster-agent/keys/touched.ts';
import { Allocations } from '@isthmus/cluster-agent/source/files/allocations.ts';
import { StateFile } from '@isthmus/cluster-agent/state/state-file.ts';
import type { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { aSealing } from '../fakes/authority.ts';
import { FakeClock } from '../fakes/clock.ts';
import { aRemote, viewOf } from '../fakes/cluster.ts';

const pod = (name: string, over: { namespace?: string; node?: string; account?: string } = {}) => `---
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${over.namespace ?? 'shop'} }
spec: { nodeName: ${over.node ?? 'n1'}, serviceAccountName: ${over.account ?? name}, containers: [{}] }
status: { podIP: 10.0.0.1 }
`;
const service = (name: string, namespace = 'shop', spec = '') => `---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: { ${spec} ports: [{ name: http-web, port: 80 }, { port: 81 }] }
`;
const ambient = `
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio.io/dataplane-mode: ambient } }
`;
const ztunnel = pod('ztunnel', { namespace: 'istio-system' });

describe('the files of pods', () => {
  let folder = '';
  let clock: FakeClock;
  let view: ClusterView;
  let remotes: readonly RemoteService[];
  let tokens: ProjectedTokens;
  let provenBy: ClientId | undefined;
  let touched: ChangeSet;
  let onTurn: () => number;
  /** What `onTurn` gave at each turn of the event loop. */
  let counted: number[];
  beforeEach(() => {
    onTurn = () => 0;
    counted = [];
    folder = mkdtempSync(join(tmpdir(), 'isthmus-pods-'));
    clock = new FakeClock();
    remotes = [];
    provenBy = undefined;
    tokens = new ProjectedTokens(join(folder, 'key'), aSealing, clock);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const start = (text: string) => {
    view = viewOf(text);
    const file = new StateFile(join(folder, 'allocations.json'), silentLog);
    const allocations = new Allocations({ file, block: '127.64.16.0/20', clock, log: silentLog });
    const files = new PodFiles(join(folder, 'pods'));
    const health = { of: () => ({ problem: undefined, stale: undefined, provenBy, until: Infinity }) };
    touched = new ChangeSet();
    touched.add({ kind: 'synced' });
    const writer = new PodFilesWriter({
      files,
      view,
      hub: { remotesIn: (namespace) => remotes.filter((one) => one.namespace === namespace) },
      health: () => health,
      tokens,
      allocations,
      clock,
      log: silentLog,
      turn(run) {
        counted.push(onTurn());
        setImmediate(run);
      },
    });
    return {
      writer,
      /** What was touched since the last time is published, and written. */
      write: async () => {
        writer.published({ keys: touched });
        touched = new ChangeSet();
        await writer.idle();
      },
    };
  };
  const touch = (key: Touched) => touched.add(key);
  const becomes = (text: string) => {
    const next = viewOf(text);
    for (const kind of ['Pod', 'Service', 'Namespace'] as const)
      for (const { metadata } of view.all(kind))
        touched.merge(view.apply([{ type: 'remove', id: `${kind}/${metadata.namespace}/${metadata.name}` }]));
    for (const kind of ['Pod', 'Service', 'Namespace'] as const)
      for (const object of next.all(kind)) {
        const { namespace, name } = object.metadata;
        touched.merge(view.apply([{ type: 'upsert', id: `${kind}/${namespace}/${name}`, object }]));
      }
  };
  const at = (pod: string, name: string) => join(folder, 'pods', pod, name);
  const read = (pod: string, name: string) => readFileSync(at(pod, name), 'utf8');
  const variables = (pod: string) =>
    read(pod, 'env')
      .split('\n')
      .filter((line) => line.includes('_SERVICE_'));
  const caller = (pod: string) => tokens.authenticate(`Bearer ${read(pod, 'token')}`);

  it('name the pod’s addresses and identity and are readable by their owner only', async () => {
    await start(ambient + pod('cart')).write();
    assert.match(read('shop/cart', 'env'), /^POD_IP=10\.0\.0\.1\nAPP_ADDRESS=\nPOD_NAME=cart\n/);
    assert.deepEqual(await caller('shop/cart'), {
      namespace: 'shop',
      serviceAccount: 'cart',
      node: 'n1',
      pod: { name: 'cart', uid: 'shop.cart' },
    });
    for (const name of ['env', 'token']) assert.equal(statSync(at('shop/cart', name)).mode & 0o777, 0o600);
  });

  it('name the services of the pod’s own namespace, and those that are elsewhere only', async () => {
    remotes = [
      aRemote({ name: 'far' }),
      aRemote({ name: 'web' }),
      aRemote({ name: 'other', namespace: 'bank' }),
    ];
    const none = service('none', 'shop', 'clusterIP: None,');
    await start(ambient + ztunnel + pod('cart') + service('web') + service('web', 'bank') + none).write();
    assert.deepEqual(variables('shop/cart'), [
      'WEB_SERVICE_HOST=127.64.20.2',
      'WEB_SERVICE_PORT=80',
      'WEB_SERVICE_PORT_HTTP_WEB=80',
      'FAR_SERVICE_HOST=127.64.20.3',
      'FAR_SERVICE_PORT=8080',
      'FAR_SERVICE_PORT_HTTP=8080',
    ]);
  });

  it('name none where no proxy serves the pod, and follow when one comes', async () => {
    const starter = start(ambient + pod('cart') + service('web'));
    await starter.write();
    assert.deepEqual(variables('shop/cart'), []);
    becomes(ambient + ztunnel + pod('cart') + service('web'));
    await starter.write();
    assert.equal(variables('shop/cart').length, 3);
  });

  it('of two ztunnels of a node have the addresses of the one that serves the pod, else of the newest', async () => {
    const dated = (name: string, created: string) =>
      pod(name, { namespace: 'istio-system', account: 'ztunnel' }).replace(
        'namespace: istio-system',
        `namespace: istio-system, creationTimestamp: '${created}'`,
      );
    const [old, newer] = [
      dated('ztunnel-a', '2024-01-01T00:00:00Z'),
      dated('ztunnel-b', '2025-01-01T00:00:00Z'),
    ];
    for (const both of [old + newer, newer + old]) {
      const starter = start(ambient + both + pod('cart') + service('web'));
      const host = async (by: string | undefined) => {
        provenBy =
          by === undefined ? undefined : clientId('ztunnel', { namespace: 'istio-system', name: by });
        touch({ kind: 'verdict', pod: podKey({ namespace: 'shop', name: 'cart' }) });
        await starter.write();
        return variables('shop/cart')[0];
      };
      const ofNewest = await host(undefined);
      const ofOld = await host('ztunnel-a');
      assert.notEqual(ofOld, ofNewest);
      assert.equal(await host('ztunnel-b'), ofNewest);
      assert.equal(await host('ztunnel-gone'), ofNewest);
    }
  });

  it('hold a token for the node and the account that the pod has now', async () => {
    const starter = start(ambient + pod('cart'));
    await starter.write();
    becomes(ambient + pod('cart', { node: 'n2', account: 'other' }));
    await starter.write();
    const { node, serviceAccount } = await caller('shop/cart');
    assert.deepEqual([node, serviceAccount], ['n2', 'other']);
    assert.match(read('shop/cart', 'env'), /NODE_NAME=n2/);
  });

  it('hold a new token after half of its life, and no sooner', async () => {
    const starter = start(ambient + pod('cart'));
    await starter.write();
    const first = read('shop/cart', 'token');
    await clock.advance(5.9 * 3_600_000);
    await starter.writer.idle();
    assert.equal(read('shop/cart', 'token'), first);
    await clock.advance(0.2 * 3_600_000);
    await starter.writer.idle();
    assert.notEqual(read('shop/cart', 'token'), first);
  });

  it('go with their pod, also when that went while the agent was away', async () => {
    mkdirSync(at('shop/earlier', ''), { recursive: true });
    writeFileSync(at('shop/earlier', 'token'), 'secret');
    const starter = start(ambient + pod('cart'));
    await starter.write();
    assert.ok(!existsSync(at('shop/earlier', '')));
    becomes(ambient);
    await starter.write();
    assert.ok(!existsSync(at('shop/cart', '')));
  });

  it('that cannot be written are written later, and hold up no other', async () => {
    mkdirSync(at('shop/cart', 'env.new'), { recursive: true });
    const starter = start(ambient + pod('cart') + pod('web'));
    await starter.write();
    assert.ok(!existsSync(at('shop/cart', 'env')));
    assert.ok(existsSync(at('shop/web', 'env')));
    rmSync(at('shop/cart', 'env.new'), { recursive: true });
    await clock.advance(1000);
    await starter.writer.idle();
    assert.ok(existsSync(at('shop/cart', 'env')));
  });

  it('are looked at for the pods that a delta reaches, and for no others', async () => {
    const pods = ['a', 'b', 'c'].map((name) => pod(name)).join('');
    const starter = start(ambient + ztunnel + pods + pod('clerk', { namespace: 'bank' }) + service('web'));
    await starter.write();
    const looks = async (key: Touched) => {
      const before = starter.writer.looked;
      touch(key);
      await starter.write();
      return starter.writer.looked - before;
    };
    const ref = (namespace: string, name: string) => ({ namespace, name });
    assert.equal(await looks({ kind: 'pod', pod: podKey(ref('shop', 'a')) }), 1);
    assert.equal(await looks({ kind: 'service', service: serviceKeyOf(ref('shop', 'web')) }), 3);
    assert.equal(await looks({ kind: 'remotes', service: serviceKeyOf(ref('bank', 'web')) }), 1);
    assert.equal(await looks({ kind: 'nodeProxies', node: 'n1' }), 5);
    assert.equal(await looks({ kind: 'vips', client: podKey(ref('istio-system', 'ztunnel')) }), 5);
    assert.equal(await looks({ kind: 'namespace', namespace: 'shop' }), 3);
    assert.equal(await looks({ kind: 'rejections' }), 0);
  });

  it('name a service that comes, whose text is made once for all pods of a namespace at one proxy', async () => {
    const starter = start(ambient + ztunnel + pod('a') + pod('b') + service('web'));
    await starter.write();
    becomes(ambient + ztunnel + pod('a') + pod('b') + service('web') + service('new'));
    await starter.write();
    for (const name of ['a', 'b']) assert.match(read(`shop/${name}`, 'env'), /^NEW_SERVICE_HOST=/m);
    becomes(ambient + ztunnel + pod('a') + pod('b') + service('web'));
    await starter.write();
    for (const name of ['a', 'b']) assert.doesNotMatch(read(`shop/${name}`, 'env'), /^NEW_SERVICE_HOST=/m);
  });

  it('are written 16 in a turn of the event loop', async () => {
    const starter = start(ambient + Array.from({ length: 33 }, (_, i) => pod(`p${i}`)).join(''));
    onTurn = () => {
      const folder = at('shop', '');
      return existsSync(folder) ? readdirSync(folder).length : 0;
    };
    await starter.write();
    assert.deepEqual(counted, [0, 16, 32]);
    assert.equal(onTurn(), 33);
  });

  it('have their tokens signed at the same time, those of one turn of the event loop', async () => {
    const [issue, signed] = [tokens.issue.bind(tokens), Promise.withResolvers<undefined>()];
    let asked = 0;
    tokens.issue = async (caller, seconds) => {
      if (++asked === 16) signed.resolve(undefined);
      await signed.promise;
      return issue(caller, seconds);
    };
    await start(ambient + Array.from({ length: 16 }, (_, i) => pod(`p${i}`)).join('')).write();
    assert.equal(readdirSync(at('shop', '')).length, 16);
  });
});
