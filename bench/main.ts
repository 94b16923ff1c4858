import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { ask, mutate } from '../sandbox/instance/api.ts';
import { aim, podEnv } from '../sandbox/tour/addresses.ts';
import { up, type Sandbox } from '../sandbox/up.ts';
import { connectionsPerSecond, echoes, quantile, type Path } from './latency.ts';

// `npm run bench`: what the sandbox's paths cost beside no proxy at all, and how long a policy takes to be in force.
const applyMutation =
  'mutation($input: ApplyPolicyInput!) { result: applyPolicy(input: $input) { userErrors { code field message } } }';
const drainMutation =
  'mutation($input: DrainClusterInput!) { result: drainCluster(input: $input) { userErrors { code field message } } }';
const undrainMutation =
  'mutation($input: ClusterInput!) { result: undrainCluster(input: $input) { userErrors { code field message } } }';
const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis));

interface Row {
  readonly name: string;
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
}

async function measure(path: Path): Promise<Row> {
  const times = await echoes(path, 2000);
  const perSecond = await connectionsPerSecond(path, 16, 4000);
  return { name: path.name, p50: quantile(times, 0.5), p99: quantile(times, 0.99), perSecond };
}

/** With one cluster drained, all new connections of a service take the path that is to be measured. */
async function without<T>({ endpoint }: Sandbox, cluster: string, run: () => Promise<T>): Promise<T> {
  await mutate(endpoint, drainMutation, { cluster, percent: 100 });
  await pause(2000);
  const result = await run();
  await mutate(endpoint, undrainMutation, { cluster });
  await pause(2000);
  return result;
}

async function rows(sandbox: Sandbox): Promise<readonly Row[]> {
  const from = { cluster: 'east', pod: 'frontend' };
  const catalogue = podEnv(sandbox, 'east', 'catalogue-1');
  const direct = {
    localAddress: aim(sandbox, from, 'catalogue').localAddress,
    host: catalogue['APP_ADDRESS'] ?? '',
    port: 8081,
  };
  return [
    await measure({ name: 'no proxy', ...direct }),
    await without(sandbox, 'west', () =>
      measure({ name: 'a pair of ztunnels (HBONE)', ...aim(sandbox, from, 'catalogue') }),
    ),
    await without(sandbox, 'west', () =>
      measure({ name: 'through a gateway (double HBONE)', ...aim(sandbox, from, 'cart') }),
    ),
    await without(sandbox, 'east', () =>
      measure({ name: 'through a gateway (Istio mTLS, 15443)', ...aim(sandbox, from, 'catalogue') }),
    ),
  ];
}

/** Milliseconds from an accepted policy until every connected proxy of all three clusters has acknowledged it. */
async function policyTimes({ endpoint }: Sandbox, count: number): Promise<readonly number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const access = {
      name: 'bench',
      effect: 'DENY',
      target: { namespace: 'shop', labels: [{ key: 'app', value: 'nobody' }] },
      rules: [{ ports: [1 + i] }],
    };
    await mutate(endpoint, applyMutation, { policy: { access } });
    const started = performance.now();
    for (;;) {
      const { policy } = await ask<{ policy: { status: { state: string; cluster: string }[] } }>(
        endpoint,
        '{ policy(name: "bench") { status { cluster state } } }',
      );
      if (policy.status.length === 3 && policy.status.every(({ state }) => state === 'APPLIED')) break;
      await pause(2);
    }
    times.push(performance.now() - started);
    await pause(100);
  }
  return times;
}

const stateHome = mkdtempSync(join(tmpdir(), 'isthmus-bench-'));
const sandbox = await up({
  clock: systemClock,
  tap: false,
  progress: () => undefined,
  env: { ...process.env, XDG_STATE_HOME: stateHome },
});
try {
  console.log(
    `${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}\n`,
  );
  const measured = await rows(sandbox);
  const [base] = measured;
  console.log('| path | echo p50 | echo p99 | new connections/s |\n|---|---|---|---|');
  for (const { name, p50, p99, perSecond } of measured) {
    const ratio = (value: number, to: number | undefined) =>
      to === undefined ? '' : ` (${(value / to).toFixed(2)}x)`;
    console.log(
      `| ${name} | ${p50.toFixed(0)} µs${ratio(p50, base?.p50)} | ${p99.toFixed(0)} µs${ratio(p99, base?.p99)} | ${perSecond.toFixed(0)}${ratio(perSecond, base?.perSecond)} |`,
    );
  }
  const times = await policyTimes(sandbox, 30);
  console.log(
    `\npolicy accepted to acknowledged by the last proxy of three clusters: p50 ${quantile(times, 0.5).toFixed(0)} ms, p99 ${quantile(times, 0.99).toFixed(0)} ms`,
  );
} finally {
  await sandbox.stop();
  rmSync(stateHome, { recursive: true, force: true });
}
