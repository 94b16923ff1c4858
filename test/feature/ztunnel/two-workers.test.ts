import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeService, encodeWorkload } from '@isthmus/api/wire/address.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { accessLines } from '@isthmus/sandbox/observe/access-log.ts';
import { startThreads, Workers } from '@isthmus/ztunnel/worker/host.ts';
import { ProxyMesh, plainConfig } from '../../fakes/proxy-mesh.ts';
import { Signal } from '../../fakes/xds-world.ts';
import { identityOf, port, shopIn } from './shop.ts';

/** Enough that both threads get some, as the kernel spreads them by their ports. */
const calls = 40;

describe('ztunnel, two workers on the same listeners', () => {
  let mesh: ProxyMesh;
  let folder: string;
  let threads: ReturnType<typeof startThreads> = [];
  beforeEach(async () => {
    mesh = await ProxyMesh.start();
    folder = mkdtempSync(join(tmpdir(), 'isthmus-workers-'));
  });
  afterEach(async () => {
    await Promise.all(threads.map((thread) => thread.terminate()));
    await mesh.stop();
    rmSync(folder, { recursive: true });
  });

  /** Two real threads, which get a shop of one node as the control thread passes on what an agent sent. */
  async function twoThreads() {
    const config = {
      ...plainConfig,
      cluster: 'east',
      network: 'network-east',
      workers: 2,
      accessLog: join(folder, 'access.log'),
    };
    const signal = new Signal();
    const heard: string[] = [];
    const hear = (what: string) => {
      heard.push(what);
      signal.ring();
    };
    threads = startThreads(
      new URL(import.meta.resolve('@isthmus/ztunnel/worker/thread.ts')),
      config,
      'error',
    );
    const workers: Workers = new Workers(threads, {
      onWant: (identity) => workers.tell({ kind: 'certificate', ...mesh.leaf('east', identity) }),
      onForget: (identity) => hear(`forget ${identity}`),
      onRenew: (identity) => hear(`renew ${identity}`),
      onListening: () => hear('listening'),
      onProblem: (address, place, error) => hear(`problem ${address}:${place} ${error}`),
      onCounts: () => undefined,
      onCaptured: () => hear('captured'),
      onStuck: (stuck) => hear(`stuck ${String(stuck)}`),
      onDrained: () => hear('drained'),
      onDied: (error) => hear(`died ${error.message}`),
    });
    const shop = shopIn(mesh);
    const cart = shop.pod('east', 'cart', '17.2', shop.serving(shop.cart, '18.2'));
    const front = shop.pod('east', 'front', '17.1');
    const { bundles, intermediates } = mesh.trust(['east']);
    const apply = (
      type: string,
      resources: readonly { name: string; body: Uint8Array }[],
      removed: string[] = [],
    ) =>
      workers.apply(
        type,
        resources.map((one) => ({ ...one, version: '1' })),
        removed,
      );
    await apply(typeUrls.trustBundle, bundles);
    await apply(typeUrls.intermediate, intermediates);
    await apply(typeUrls.address, [
      { name: shop.cart.key, body: encodeService(shop.cart) },
      ...[cart, front].map((pod) => ({ name: pod.uid, body: encodeWorkload(pod) })),
    ]);
    workers.tell({ kind: 'synced' });
    await signal.until(() => heard.length > 0);
    assert.deepEqual(heard, ['listening']);
    await mesh.serve(mesh.at('18.2'), port, (socket) => void socket.pipe(socket));
    return { workers, signal, heard, apply, front, accessLog: config.accessLog };
  }

  it('that has died before anyone listened is reported as dead', async () => {
    const thread = new URL('data:text/javascript,');
    threads = startThreads(
      thread,
      { ...plainConfig, cluster: 'east', network: 'network-east', workers: 1 },
      'error',
    );
    await threads[0]?.terminate();
    const error = await new Promise<Error>((resolve) => threads[0]?.onDied(resolve));
    assert.match(error.message, /^exit status/);
  });

  it('share connections, and are read, updated and drained as one', async () => {
    const { workers, signal, heard, apply, front, accessLog } = await twoThreads();
    const all = await Promise.all(
      Array.from({ length: calls }, () => mesh.call(mesh.at('17.1'), mesh.at('20.1'), port)),
    );
    await Promise.all(all.map((call) => call.echo('hello')));

    const reports = await workers.report();
    const bySource = reports.map(({ metrics }) =>
      metrics
        .filter(({ labels }) => labels.reporter === 'source')
        .reduce((sum, { opened }) => sum + opened, 0),
    );
    assert.equal(
      bySource.reduce((sum, one) => sum + one),
      calls,
    );
    assert.ok(
      bySource.every((one) => one > 0),
      `both carry some: ${bySource.join(' and ')}`,
    );
    assert.ok(reports.every(({ totals }) => totals.listeners === reports[0]?.totals.listeners));
    const dumps = await workers.dump();
    assert.deepEqual(
      dumps.map(({ workloads }) => workloads.length),
      [2, 2],
    );

    const rejected = await apply(typeUrls.address, [{ name: 'bad', body: Buffer.of(255) }]);
    assert.deepEqual(
      rejected.map(({ name }) => name),
      ['bad'],
      'refused by both, reported once',
    );
    await apply(typeUrls.address, [], [front.uid]);
    await signal.until(() => heard.includes(`forget ${identityOf('front')}`));

    workers.tell({ kind: 'drain', deadlineMillis: 60_000 });
    for (const { socket } of all) socket.end();
    await signal.until(() => heard.includes('drained'));
    const ends = accessLines(readFileSync(accessLog, 'utf8'));
    const outbound = ends.filter(({ direction }) => direction === 'outbound');
    assert.equal(outbound.length, calls, 'both had written their last lines when they said so');
    assert.equal(heard.filter((one) => one === 'drained').length, 1);
  });
});
