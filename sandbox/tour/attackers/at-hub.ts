import type { Report, Tour } from '../context.ts';
import { knockAtLink, linkDoor, linkName, membershipOf, takenForAgent } from '../doors/hub.ts';
import { clusterIssuer } from '../member.ts';
import { forge } from './forger.ts';
import { isRefused, knock, knockText } from './knock.ts';
import { strangersOf } from './strangers.ts';

/** The link takes agents only, and its CA is no mesh's: a member's intermediate cannot make one. */
export async function strangersAtHub(tour: Tour, report: Report): Promise<void> {
  const { sandbox, clock } = tour;
  const door = linkDoor(sandbox);
  const east = membershipOf(sandbox, 'east');
  const control = async (when: string) => {
    const seen = [knockText(await knock(door, east)), await knockAtLink(sandbox, east)];
    report.expect(
      `hub: an agent is let in by the same knock, and taken for one, ${when}`,
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
    const seen = await knock(door, credentials);
    const asked = await knockAtLink(sandbox, credentials);
    report.expect(
      `hub: ${caller} is refused`,
      `${knockText(seen)}; ${asked.slice(0, 60)}`,
      isRefused(seen) && !asked.startsWith(takenForAgent),
    );
  }
  await control('after');
}
