import { deepEqual, equal, match } from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import { namespaces, pods } from '@isthmus/node-agent/access.ts';
import { Namespace, withoutNamespaces } from '../fakes/network-namespaces.ts';
import { holds } from '../fakes/turns.ts';
import { ZdsProxy } from '../fakes/zds-proxy.ts';
import { withApiServer } from './start-api-server.ts';

const main = join(import.meta.dirname, '../../node-agent/main.ts');
const node = 'node-1';
/** What its container has, and no more: namespaces are entered with the first, rules are written with the second. */
const capabilities = ['sys_admin', 'net_admin'];

withApiServer('the node agent as a process, at a real API server', (started) => {
  let server: ApiServer;
  let folder: string;
  let pod: Namespace;
  let host: Namespace;
  let child: ChildProcess | undefined;
  let log = '';

  before(function () {
    const why =
      withoutNamespaces('nft') ??
      (spawnSync('setpriv', ['-V']).error ? 'setpriv is not installed' : undefined);
    if (why === undefined) return;
    console.warn(`      DID NOT RUN: ${why}`);
    this.skip();
  });
  beforeEach(() => {
    server = started().client().server;
    folder = mkdtempSync(join(tmpdir(), 'isthmus-node-agent-'));
    pod = new Namespace();
    host = new Namespace();
    log = '';
  });
  afterEach(async () => {
    if (child && child.exitCode === null) {
      const exited = new Promise((resolve) => child?.once('exit', resolve));
      child.kill('SIGKILL');
      await exited;
    }
    for (const one of [pod, host]) one.remove();
    rmSync(folder, { recursive: true });
  });

  /** In the network of its node, but with the API server's, which is on loopback: its own rules go to that of the tests. */
  function start(caps: readonly string[]): ChildProcess {
    const only = ['-all', ...caps.map((name) => `+${name}`)].join(',');
    const flags = [
      ...['--node', node, '--kubernetes', started().kubeconfig(), '--namespace', 'isthmus-system'],
      ...['--zds-socket', join(folder, 'ztunnel.sock'), '--state-dir', join(folder, 'state')],
      ...['--containerd', join(folder, 'tasks'), '--proc', join(folder, 'none'), '--netns', '/run/netns'],
      ...['--admin-listen', '127.0.0.1:0', '--rules', 'nft'],
    ];
    const args = [`--bounding-set=${only}`, `--inh-caps=${only}`, process.execPath, main, ...flags];
    const one = spawn('setpriv', args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PATH: path(caps) },
    });
    one.stdout.on('data', (data: Buffer) => (log += data.toString()));
    one.stderr.on('data', (data: Buffer) => (log += data.toString()));
    child = one;
    return one;
  }

  /** Rules of the node are written into a namespace of the tests: `nft` outside of a pod's is one that goes there. */
  function path(caps: readonly string[]): string {
    const bin = join(folder, 'bin');
    mkdirSync(bin, { recursive: true });
    const nft = spawnSync('sh', ['-c', 'command -v nft'], { encoding: 'utf8' }).stdout.trim();
    // To go there needs the first capability.
    const atHome = caps.includes('sys_admin') ? `exec nsenter --net=${host.path} ${nft} "$@"` : 'exit 0';
    const script = `#!/bin/sh
[ "$(stat -Lc %i /proc/self/ns/net)" = ${statSync('/proc/self/ns/net').ino} ] && ${atHome}
exec ${nft} "$@"
`;
    writeFileSync(join(bin, 'nft'), script, { mode: 0o755 });
    return `${bin}:${process.env['PATH'] ?? ''}`;
  }

  async function created(name: string): Promise<string> {
    const { metadata } = (await server.create(pods, 'shop', {
      metadata: { name },
      spec: {
        nodeName: node,
        containers: [{ name: 'app', image: 'none' }],
        terminationGracePeriodSeconds: 0,
      },
    })) as { metadata: { uid: string } };
    return metadata.uid;
  }

  function runs(uid: string): void {
    const task = join(folder, 'tasks', uid);
    mkdirSync(task, { recursive: true });
    const annotations = {
      ['io.kubernetes.cri.container-type']: 'sandbox',
      ['io.kubernetes.cri.sandbox-uid']: uid,
    };
    const linux = { namespaces: [{ type: 'network', path: pod.path }] };
    writeFileSync(join(task, 'config.json'), JSON.stringify({ annotations, linux }));
  }

  const annotations = async (name: string) => {
    const { metadata } = (await server.get(pods, { namespace: 'shop', name })) as {
      metadata: { annotations?: Readonly<Record<string, string>> };
    };
    return metadata.annotations ?? {};
  };

  /** Until the annotations of a pod are such. */
  async function annotated(
    name: string,
    such: (all: Readonly<Record<string, string>>) => boolean,
  ): Promise<void> {
    const end = performance.now() + 30_000;
    while (!such(await annotations(name)))
      if (performance.now() > end) throw new Error(`${JSON.stringify(await annotations(name))}\n${log}`);
  }

  it('captures a pod with SYS_ADMIN and NET_ADMIN alone, and annotates it, and one that it cannot capture with the reason', async () => {
    await server.create(namespaces, '', {
      metadata: { name: 'shop', labels: { 'istio.io/dataplane-mode': 'ambient' } },
    });
    runs(await created('cart'));
    start(capabilities);
    await holds(() => log.includes('proxies are let in'));
    const proxy = new ZdsProxy(join(folder, 'ztunnel.sock'));
    try {
      await annotated('cart', (all) => all['ambient.istio.io/redirection'] === 'enabled');
      match(pod.run('nft', ['list', 'ruleset']), /redirect to :15006/);
      equal(pod.run('cat', ['/proc/sys/net/netfilter/nf_conntrack_tcp_loose']).trim(), '0');
      match(host.run('nft', ['list', 'ruleset']), /skuid/);
      await server.create(pods, 'shop', {
        metadata: { name: 'odd', annotations: { 'ambient.istio.io/dns-capture': 'perhaps' } },
        spec: { nodeName: node, containers: [{ name: 'app', image: 'none' }] },
      });
      await annotated('odd', (all) => all['isthmus.io/not-captured'] !== undefined);
      match((await annotations('odd'))['isthmus.io/not-captured'] ?? '', /dns-capture is 'true' or 'false'/);
      await server.remove(pods, { namespace: 'shop', name: 'cart' });
      await holds(() => proxy.asked.some((asked) => asked.startsWith('del ')));
      deepEqual(proxy.descriptors[0], 1);
    } finally {
      proxy.close();
    }
  });

  for (const lacks of capabilities)
    it(`says what is missing without ${lacks.toUpperCase()}, and goes on`, async () => {
      const name = `without-${lacks.replace('_', '-')}`;
      runs(await created(name));
      start(capabilities.filter((one) => one !== lacks));
      await holds(() => log.includes('proxies are let in') || log.includes('cannot start'));
      match(log, lacks === 'net_admin' ? /the container NET_ADMIN/ : /proxies are let in/);
      if (lacks === 'net_admin') return;
      const proxy = new ZdsProxy(join(folder, 'ztunnel.sock'));
      try {
        await annotated(name, (all) => /SYS_ADMIN/.test(all['isthmus.io/not-captured'] ?? ''));
        equal(child?.exitCode, null);
      } finally {
        proxy.close();
      }
    });
});
