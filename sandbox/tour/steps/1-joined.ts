import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { clusterStates } from '../../up.ts';
import type { Report, Step, Tour } from '../context.ts';

/** Three clusters came in with one token and one command each, and a token works once. */
export const joined: Step = {
  title: 'three clusters join, each with one token and one command',
  async run({ sandbox }: Tour, report: Report) {
    const states = await clusterStates(sandbox.endpoint);
    for (const { name } of sandbox.clusters)
      report.expect(`cluster ${name} is ACTIVE`, states[name] ?? 'absent', states[name] === 'ACTIVE');
    report.within('the first call across networks', sandbox.startMillis, 15_000);
    const tokens = sandbox.clusters.map(({ name }) =>
      readFileSync(join(sandbox.place.stateDir, name, 'join-token'), 'utf8'),
    );
    const logs = sandbox.launcher
      .all()
      .filter(({ program }) => tokens.some((token) => holds(program.name, token, sandbox.launcher)));
    report.expect('no join token is in any log', `${logs.length} logs with one`, logs.length === 0);
  },
};

const holds = (name: string, token: string, launcher: Tour['sandbox']['launcher']): boolean =>
  launcher.get(name)?.log().includes(token.trim()) ?? false;
