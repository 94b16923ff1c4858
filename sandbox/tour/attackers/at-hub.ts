import type { Report, Tour } from '../context.ts';
import { askLink, linkListener, linkName, membershipOf, takenForAgent } from '../listeners/hub.ts';
import { clusterIssuer } from '../member.ts';
import { forge } from './forger.ts';
import { isRefused, tryListener, attemptText } from './attempt.ts';
import { strangersOf } from './strangers.ts';

/** The link takes agents only, and its CA is no mesh's: a member's intermediate cannot make one. */
export async function strangersAtHub(tour: Tour, report: Report): Promise<void> {
  const { sandbox, clock } = tour;
  const listener = linkListener(sandbox);
  const east = membershipOf(sandbox, 'east');
  const control = async (when: string) => {
    const seen = [attemptText(await tryListener(listener, east)), await askLink(sandbox, east)];
    report.expect(
      `hub: an agent is let in by the same attempt, and accepted as one, ${when}`,
      seen.join('; '),
      (seen[0] ?? '').startsWith('answered') && (seen[1] ?? '').startsWith(takenForAgent),
    );
  };
  const member = clusterIssuer(sandbox, 'west');
  const name = linkName(east, 'east');
  const callers = {
    ...strangersOf(tour, { name, foreignName: 'spiffe://td-b/cluster/east' }),
    'the right name issued by a member': forge(name, member, [member.certificate], clock.now()),
  };
  await control('before');
  for (const [caller, credentials] of Object.entries(callers)) {
    const seen = await tryListener(listener, credentials);
    const asked = await askLink(sandbox, credentials);
    report.expect(
      `hub: ${caller} is refused`,
      `${attemptText(seen)}; ${asked.slice(0, 60)}`,
      isRefused(seen) && !asked.startsWith(takenForAgent),
    );
  }
  await control('after');
}
