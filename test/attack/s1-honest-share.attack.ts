import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { until } from '@isthmus/sandbox/processes/wait.ts';
import { connectBlock } from './hpack.ts';
import { headers } from './frames.ts';
import { HonestClient } from './honest-client.ts';
import { measureInTurns, measures, shareOf, slowest, type Condition } from './honest-share.ts';
import type { Job } from './job.ts';
import { isLong, timeScale } from './measured.ts';
import { RawSession } from './raw-session.ts';
import { AttackTarget } from './target.ts';
import { honestTraffic } from './victim.ts';

/** Behind the attacked pod, in the honest client's process: its echo must not wait for the attackers' calls. */
const port = 9190;
const sessions = 20;

/** Attackers of this account are refused by policy. */
const denied = 'denied';
const policy = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: no-denied, namespace: shop }
spec:
  action: DENY
  rules: [{ from: [{ source: { principals: [cluster.local/ns/shop/sa/${denied}] } }] }]
`;

interface Kind {
  readonly name: string;
  readonly over: Partial<Job>;
  readonly account?: string;
  /** Percent of what the honest client gets beside a process that is merely busy. */
  readonly bound: number;
}

/**
 * What a peer with a certificate can do again and again. One that gives up on a connection that is held comes back all the
 * faster.
 */
const kinds: readonly Kind[] = [
  { name: 'that reset rapidly', over: { variant: 'resets' }, bound: 95 },
  { name: 'that reset rapidly and do not wait', over: { variant: 'resets', patience: 20 }, bound: 95 },
  { name: 'that end without a stream', over: { variant: 'sessions' }, bound: 90 },
  { name: 'that end after their handshake', over: { variant: 'handshakes' }, bound: 90 },
  { name: 'with tunnels that end at once', over: { variant: 'connects' }, bound: 0 },
  { name: 'with CONNECTs that policy refuses', over: { variant: 'connects' }, account: denied, bound: 0 },
  {
    name: 'with CONNECTs to nowhere',
    over: { variant: 'connects', authority: 'nowhere.example:80' },
    bound: 0,
  },
];

describe('S1, the share of an honest client', () => {
  let target: AttackTarget;
  let honest: HonestClient | undefined;
  let measured: ReadonlyMap<string, Condition>;
  let attackers = 0;

  const job = (seconds: number, over: Partial<Job>, account: string): Job => {
    const { key, chain } = target.leaf(account);
    const localAddress = target.cluster.outside(++attackers);
    const aim = { host: target.address, port: 15_008, localAddress, key, chain };
    const { authority } = target;
    return { ...aim, attack: 'coming-back', authority, connections: sessions, seconds, ...over };
  };

  /** The policy is in force when the account is refused. */
  async function deny(): Promise<void> {
    writeFileSync(join(target.cluster.dir, 'manifests', 'deny.yaml'), policy);
    const refused = async () => {
      const session = await RawSession.open(job(0, {}, denied));
      if (!session) return undefined;
      const answer = new Promise<boolean>(
        (resolve) => (session.onAnswer = (_, accepted) => resolve(accepted)),
      );
      await session.send(headers(1, connectBlock(target.authority)));
      const accepted = await answer;
      session.leave();
      return accepted ? undefined : true;
    };
    await until(systemClock, 'the policy', refused, { within: 10_000 * timeScale });
  }

  before(async () => {
    target = await AttackTarget.start();
    await honestTraffic(target);
    await deny();
    const { address } = target;
    const application = { host: target.cluster.cartAppAddress, port };
    honest = await HonestClient.start({
      ...target.leaf('front'),
      ...{ address, authority: `${address}:${port}`, application },
    });
    for (const one of measures) await honest.measure(one, 1);
    const conditions = new Map<string, (seconds: number) => Job | undefined>([
      ['alone', () => undefined],
      ['busy', (seconds) => job(seconds, { attack: 'busy' }, 'busy')],
      ...kinds.map(
        ({ name, over, account }) =>
          [name, (seconds: number) => job(seconds, over, account ?? `mallory-${attackers}`)] as const,
      ),
    ]);
    const [rounds, seconds] = process.env['SMOKE'] ? [1, 0.2] : isLong ? [9, 2] : [5, 0.6];
    measured = await measureInTurns(honest, conditions, { rounds, seconds });
  });
  after(async () => {
    honest?.stop();
    await target.stop();
  });

  for (const { name, bound } of kinds)
    it(`keeps ${bound} % of its rate beside ${sessions} sessions of one identity ${name}`, () => {
      const [alone, busy, attacked] = ['alone', 'busy', name].map((one) => measured.get(one)!);
      for (const measure of measures) {
        const [plain, fair] = [shareOf(measure, attacked!, alone!), shareOf(measure, attacked!, busy!)];
        console.log(
          `      ${measure}: ${fair.toFixed(1)} % of what it has beside a busy process, bound ${bound} %; ` +
            `${plain.toFixed(1)} % of what it has alone; p99 ${slowest(measure, attacked!).toFixed(1)} ms, ` +
            `beside a busy process ${slowest(measure, busy!).toFixed(1)} ms`,
        );
      }
      for (const measure of measures) assert.ok(shareOf(measure, attacked!, busy!) >= bound, measure);
    });
});
