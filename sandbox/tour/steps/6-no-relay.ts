import { accessLines } from '../../observe/access-log.ts';
import { metricSum } from '../../observe/stats.ts';
import { until } from '../../processes/wait.ts';
import { gatewayMetrics } from '../addresses.ts';
import { clientHello } from '../attackers/client-hello.ts';
import { connectStatus, isRefused, tryPlainTcp, attemptText } from '../attackers/attempt.ts';
import type { Listener } from '../listeners/listener.ts';
import { relayTargets, type Target } from '../attackers/relay-targets.ts';
import type { Report, Step, Tour } from '../context.ts';
import { gatewayListener } from '../listeners/proxies.ts';
import { memberLeaf } from '../member.ts';
import { settled } from '../settled.ts';

const exported = 'catalogue.shop.svc.cluster.local:8081';

/** A true member asks east's gateway for what it must not forward to. */
export const noRelay: Step = {
  title: 'a gateway is not a relay',
  async run(tour: Tour, report: Report) {
    const dials = () => metricSum(gatewayMetrics(tour.sandbox, 'east'), 'isthmus_gateway_dials_total');
    const listener = gatewayListener(tour.sandbox, 'east', ['west', 'cart']);
    const { targets, traps } = await relayTargets(tour);
    await tour.traffic.pause();
    try {
      await settled(tour, dials);
      await controls(tour, listener, dials, report);
      const before = await dials();
      for (const [what, target] of Object.entries(targets)) {
        await byConnect(tour, listener, what, target, report);
        await byServerName(tour, listener, what, target, report);
      }
      const member = await memberLeaf(tour.sandbox, 'west', 'cart');
      const onward = await connectStatus(listener, member, exported, { 'x-isthmus-target': 'west' });
      report.expect(
        '15008: an exported service, but in another network, is refused',
        onward,
        onward.endsWith(' OTHER_NETWORK'),
      );
      const dialled = (await dials()) - before;
      report.expect('the gateway’s dial counter stood still', `${dialled} dials`, dialled === 0);
    } finally {
      for (const trap of Object.values(traps)) trap.close();
      tour.traffic.resume();
    }
    const accepts = Object.values(traps).reduce((sum, trap) => sum + trap.accepts, 0);
    report.expect(
      'traps at the targets accepted nothing',
      `${accepts} accepts at ${Object.keys(traps).join(', ')}`,
      accepts === 0,
    );
  },
};

/** The same two attempts at what is exported must be answered, and must move the counter. */
async function controls(
  tour: Tour,
  listener: Listener,
  dials: () => Promise<number>,
  report: Report,
): Promise<void> {
  const attempts = {
    '15008': async () => {
      const seen = await connectStatus(listener, await memberLeaf(tour.sandbox, 'west', 'cart'), exported);
      return { seen, ok: seen === '200' };
    },
    '15443': async () => {
      const seen = await tryPlainTcp({ ...listener, port: 15_443 }, clientHello(sniOf(exported)));
      return { seen: attemptText(seen), ok: seen.bytes > 0 };
    },
  };
  for (const [port, attempt] of Object.entries(attempts)) {
    const before = await dials();
    const { seen, ok } = await attempt();
    const dialled = (await dials()) - before;
    report.expect(
      `${port}: an exported service is forwarded to, with 1 dial counted`,
      `${seen}, ${dialled} dials`,
      ok && dialled === 1,
    );
  }
}

async function byConnect(
  tour: Tour,
  listener: Listener,
  what: string,
  target: Target,
  report: Report,
): Promise<void> {
  const member = await memberLeaf(tour.sandbox, 'west', 'cart');
  const seen = await connectStatus(listener, member, target.authority);
  report.expect(
    `15008: ${what} is refused`,
    seen,
    seen.endsWith(` ${target.code}`) && !seen.startsWith('200'),
  );
}

/** At 15443 the caller gets no reason; the log of the gateway has it. */
async function byServerName(
  tour: Tour,
  listener: Listener,
  what: string,
  { authority, code }: Target,
  report: Report,
) {
  const gateway = tour.sandbox.launcher.get('east-eastwest-gateway');
  const since = gateway?.log().length ?? 0;
  const attempt = await tryPlainTcp({ ...listener, port: 15_443 }, clientHello(sniOf(authority)));
  const logged = () =>
    accessLines((gateway?.log() ?? '').slice(since)).find(
      (line) => line['dst.hbone_addr'] === sniOf(authority),
    );
  const line = await until(tour.clock, 'the refusal', logged, { within: 2000 * tour.timeScale }).catch(
    () => undefined,
  );
  const why = line?.['error']?.split(':')[0] ?? 'no line';
  report.expect(
    `15443: ${what} is refused`,
    `${attemptText(attempt)}, ${why}`,
    isRefused(attempt) && why === code,
  );
}

function sniOf(authority: string): string {
  const colon = authority.lastIndexOf(':');
  return `outbound_.${authority.slice(colon + 1)}_._.${authority.slice(0, colon)}`;
}
