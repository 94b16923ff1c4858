import { strangersAtAgent } from '../attackers/at-agent.ts';
import { strangersAtHub } from '../attackers/at-hub.ts';
import { isRefused, knock, knockText } from '../attackers/knock.ts';
import type { Door } from '../doors/door.ts';
import { strangersOf, type Strangers } from '../attackers/strangers.ts';
import type { Report, Step, Tour } from '../context.ts';
import { gatewayDoor, sidecarDoor, ztunnelDoor } from '../doors/proxies.ts';
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
    await atProxy(tour, 'ztunnel', ztunnelDoor(sandbox), callers, report);
    await atProxy(tour, 'gateway', gatewayDoor(sandbox, 'east'), callers, report);
    await atProxy(tour, 'sidecar', sidecarDoor(sandbox), callers, report);
    await forgedNamespaces(tour, report);
    await strangersAtAgent(tour, callers, report);
    await strangersAtHub(tour, report);
  },
};

async function atProxy(
  { sandbox }: Tour,
  place: string,
  door: Door,
  callers: Strangers,
  report: Report,
): Promise<void> {
  const member = await memberLeaf(sandbox, 'east', 'frontend');
  const control = async (when: string) => {
    const seen = await knock(door, member);
    report.expect(`${place}: a member is let in by the same knock ${when}`, knockText(seen), seen.bytes > 0);
  };
  await control('before');
  for (const [caller, credentials] of Object.entries(callers)) {
    const seen = await knock(door, credentials);
    report.expect(`${place}: ${caller} is refused`, knockText(seen), isRefused(seen));
  }
  await control('after');
}
