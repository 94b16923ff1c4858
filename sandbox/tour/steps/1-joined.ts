import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { clusterStates } from '../../instance/api.ts';
import type { Report, Step, Tour } from '../context.ts';
import { joinAgain } from '../listeners/hub.ts';

/** Three clusters came in with one token and one command each, and a token works once. */
export const joined: Step = {
  title: 'three clusters join, each with one token and one command',
  async run({ sandbox }: Tour, report: Report) {
    const states = await clusterStates(sandbox.endpoint);
    for (const { name } of sandbox.clusters)
      report.expect(`cluster ${name} is ACTIVE`, states[name] ?? 'absent', states[name] === 'ACTIVE');
    for (const { name } of sandbox.clusters) {
      const seen = await joinAgain(sandbox, name);
      report.expect(`the token of ${name} works no second time`, seen, seen.includes('TOKEN_USED'));
    }
    report.within(
      'the first call across networks, from the start of the first process,',
      sandbox.startMillis,
      15_000,
    );
    const tokens = sandbox.clusters.map(({ name }) =>
      readFileSync(join(sandbox.place.stateDir, name, 'join-token'), 'utf8').trim(),
    );
    const logs = sandbox.launcher.all().map((one) => one.log());
    const telling = logs.filter((log) => tokens.some((token) => log.includes(token)));
    report.expect(
      'no join token is in any log',
      `${telling.length} of ${logs.length} logs with one`,
      telling.length === 0 && logs.some((log) => log !== ''),
    );
  },
};
