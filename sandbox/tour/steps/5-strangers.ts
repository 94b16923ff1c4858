import { strangersAtAgent } from '../attackers/at-agent.ts';
import { strangersAtHub } from '../attackers/at-hub.ts';
import { isRefused, tryListener, attemptText } from '../attackers/attempt.ts';
import type { Listener } from '../listeners/listener.ts';
import { strangersOf, type Strangers } from '../attackers/strangers.ts';
import type { Report, Step, Tour } from '../context.ts';
import { gatewayListener, sidecarListener, ztunnelListener } from '../listeners/proxies.ts';
import { memberLeaf } from '../member.ts';
import { forgedNamespaces } from './forged-namespaces.ts';

/** Callers that must not come in, at every kind of verifier; the same knock lets a true member in, before and after. */
export const strangers: Step = {
  title: 'strangers, forgers and crossed trust domains are refused at every verifier',
  async run(tour: Tour, report: Report) {
    const { sandbox } = tour;
    const callers = strangersOf(tour, {
      name: 'spiffe://cluster.local/ns/shop/sa/frontend',
      foreignName: 'spiffe://td-b/ns/shop/sa/frontend',
    });
    await atProxy(tour, 'ztunnel', ztunnelListener(sandbox), callers, report);
    await atProxy(tour, 'gateway', gatewayListener(sandbox, 'east'), callers, report);
    await atProxy(tour, 'sidecar', sidecarListener(sandbox), callers, report);
    await forgedNamespaces(tour, report);
    await strangersAtAgent(tour, callers, report);
    await strangersAtHub(tour, report);
  },
};

async function atProxy(
  { sandbox }: Tour,
  place: string,
  listener: Listener,
  callers: Strangers,
  report: Report,
): Promise<void> {
  const member = await memberLeaf(sandbox, 'east', 'frontend');
  const control = async (when: string) => {
    const seen = await tryListener(listener, member);
    report.expect(
      `${place}: a member is let in by the same attempt ${when}`,
      attemptText(seen),
      seen.bytes > 0,
    );
  };
  await control('before');
  for (const [caller, credentials] of Object.entries(callers)) {
    const seen = await tryListener(listener, credentials);
    report.expect(`${place}: ${caller} is refused`, attemptText(seen), isRefused(seen));
  }
  await control('after');
}
