import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { certificatePem, issueLeaf, issueRoot } from '@isthmus/mesh/pki/issue.ts';
import { generateKey, privateKeyPem } from '@isthmus/mesh/pki/key.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';

export interface HaproxyPair {
  /** Where to dial, with CONNECT. */
  readonly host: string;
  readonly port: number;
  readonly client: number;
  readonly server: number;
  readonly stop: () => void;
}

/** The version, or undefined when haproxy is not installed. */
export function haproxyVersion(): string | undefined {
  const { stdout, error } = spawnSync('haproxy', ['-v'], { encoding: 'utf8' });
  return error ? undefined : /version (\S+)/.exec(stdout)?.[1];
}

// One thread each and the same windows as ours, so that the comparison is of like with like.
const common = `global
  nbthread 1
  tune.h2.initial-window-size 4194304
  tune.h2.max-concurrent-streams 100
  ssl-default-bind-options ssl-min-ver TLSv1.3
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 60s
`;

/**
 * Two haproxies that carry CONNECT in mTLS HTTP/2 from `127.x:9100` on `clientAddress` to a server, the nearest
 * thing to a pair of ztunnels that one can install.
 */
export async function startHaproxy(
  folder: string,
  { clientAddress, serverAddress }: { clientAddress: string; serverAddress: string },
  target: { host: string; port: number },
): Promise<HaproxyPair> {
  const { pem, root } = certificate(folder);
  const client = `${common}frontend in
  bind ${clientAddress}:9100
  default_backend out
backend out
  server peer ${serverAddress}:9101 ssl crt ${pem} ca-file ${root} verify required alpn h2 check-alpn h2
`;
  const server = `${common}frontend in
  bind ${serverAddress}:9101 ssl crt ${pem} ca-file ${root} verify required alpn h2
  default_backend out
backend out
  server app ${target.host}:${target.port}
`;
  const first = start(folder, 'haproxy-client', client);
  const second = start(folder, 'haproxy-server', server);
  await listening(clientAddress, 9100);
  const stop = () => [first, second].forEach((one) => one.kill('SIGKILL'));
  return { host: clientAddress, port: 9100, client: first.pid ?? 0, server: second.pid ?? 0, stop };
}

function start(folder: string, name: string, configuration: string) {
  const file = join(folder, `${name}.cfg`);
  writeFileSync(file, configuration);
  return spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'ignore', 'inherit'] });
}

async function listening(host: string, port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const answered = await new Promise<boolean>((resolve) => {
      const socket = connect({ host, port }, () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
    if (answered) return;
    await pause(50);
  }
  throw new Error(`haproxy does not listen on ${host}:${port}`);
}

/** One leaf, as workloads have, with its root: both ends show it and demand it. */
function certificate(folder: string): { pem: string; root: string } {
  const now = systemClock.now();
  const rootKey = generateKey();
  const key = generateKey();
  const root = issueRoot('bench', rootKey, { now }, systemRandom);
  const issuer = { certificate: root, privateKey: rootKey.privateKey };
  const leaf = issueLeaf('spiffe://bench/ns/bench/sa/haproxy', key.publicKey, issuer, { now }, systemRandom);
  const files = { pem: join(folder, 'haproxy.pem'), root: join(folder, 'haproxy-root.pem') };
  writeFileSync(files.pem, privateKeyPem(key.privateKey) + certificatePem(leaf), { mode: 0o600 });
  writeFileSync(files.root, certificatePem(root));
  return files;
}
