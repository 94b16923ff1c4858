import { setTimeout as pause } from 'node:timers/promises';
import { ask, mutate } from '../sandbox/instance/api.ts';
import type { Sandbox } from '../sandbox/up.ts';

const applyMutation =
  'mutation($input: ApplyPolicyInput!) { result: applyPolicy(input: $input) { userErrors { code field message } } }';

/** Milliseconds from an accepted policy until every connected proxy of all three clusters has acknowledged it. */
export async function policyTimes({ endpoint }: Sandbox, count: number): Promise<readonly number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const access = {
      name: 'bench',
      effect: 'DENY',
      target: { namespace: 'bench', labels: [{ key: 'app', value: 'nobody' }] },
      rules: [{ ports: [1 + i] }],
    };
    await mutate(endpoint, applyMutation, { policy: { access } });
    const started = performance.now();
    while (!(await applied({ endpoint }))) await pause(2);
    times.push(performance.now() - started);
    await pause(100);
  }
  return times;
}

async function applied({ endpoint }: Pick<Sandbox, 'endpoint'>): Promise<boolean> {
  const { policy } = await ask<{ policy: { status: { state: string }[] } }>(
    endpoint,
    '{ policy(name: "bench") { status { state } } }',
  );
  return policy.status.length === 3 && policy.status.every(({ state }) => state === 'APPLIED');
}
