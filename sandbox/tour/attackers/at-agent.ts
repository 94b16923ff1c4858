import type { Report, Tour } from '../context.ts';
import { discover, requestCertificate } from '../listeners/agent.ts';
import { memberLeaf, tokenOf } from '../member.ts';
import type { Strangers } from './strangers.ts';

const cluster = 'east';
const frontend = { name: 'frontend', namespace: 'shop' };

/**
 * The agent knows callers by their tokens alone: its TLS asks for no certificate, so none opens it, not even a member's.
 * With a token each gets only what its pod may have.
 */
export async function strangersAtAgent(tour: Tour, callers: Strangers, report: Report): Promise<void> {
  const { sandbox } = tour;
  const issue = async (caller: Parameters<typeof requestCertificate>[2]) => {
    const answer = await requestCertificate(sandbox, cluster, caller);
    return typeof answer === 'string' ? answer : 'a certificate';
  };
  const own = tokenOf(sandbox, cluster, 'frontend');
  const control = async (when: string) => {
    const seen = [await issue({ token: own }), await discover(sandbox, cluster, { token: own }, frontend)];
    const ok = seen[0] === 'a certificate' && seen[1] === 'DATA';
    report.expect(`agent: a pod's own token gets a certificate and discovery ${when}`, seen.join(', '), ok);
  };
  await control('before');
  const member = await memberLeaf(sandbox, cluster, 'frontend');
  const without = { ...callers, 'a member’s certificate without a token': member };
  for (const [caller, certificate] of Object.entries(without)) {
    const answers = {
      certificate: await issue({ token: undefined, certificate }),
      discovery: await discover(sandbox, cluster, { token: undefined, certificate }, frontend),
    };
    for (const [what, seen] of Object.entries(answers))
      report.expect(`agent: ${caller} gets no ${what}`, seen, seen.startsWith('UNAUTHENTICATED'));
  }
  const foreign = { token: tokenOf(sandbox, 'west', 'cart') };
  const refused: Readonly<Record<string, [status: string, seen: string]>> = {
    'another cluster’s token gets no certificate': ['UNAUTHENTICATED', await issue(foreign)],
    'another cluster’s token gets no discovery': [
      'UNAUTHENTICATED',
      await discover(sandbox, cluster, foreign, { name: 'cart', namespace: 'shop' }),
    ],
    'an identity that is not on the node is refused': [
      'PERMISSION_DENIED',
      await issue({
        token: tokenOf(sandbox, cluster, 'ztunnel-east-b', 'istio-system'),
        impersonate: 'spiffe://cluster.local/ns/shop/sa/frontend',
      }),
    ],
    'a pod that asks for another’s identity is refused': [
      'PERMISSION_DENIED',
      await issue({ token: own, impersonate: 'spiffe://cluster.local/ns/shop/sa/catalogue' }),
    ],
    'a pod that says to be another’s proxy is refused': [
      'PERMISSION_DENIED',
      await discover(sandbox, cluster, { token: own }, { name: 'catalogue-1', namespace: 'shop' }),
    ],
  };
  for (const [what, [status, seen]] of Object.entries(refused))
    report.expect(`agent: ${what}`, seen, seen.startsWith(status));
  await control('after');
}
