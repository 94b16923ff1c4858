import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';
import { gatewayAddresses, podAddress } from '../addresses.ts';
import { bytesBack, type Door } from '../attacker.ts';
import type { Report, Step, Tour } from '../context.ts';
import { forge, forger } from '../forger.ts';
import { clusterIssuer, memberLeaf, requestCertificate, tokenOf, tryLink } from '../member.ts';

const frontend = 'spiffe://cluster.local/ns/shop/sa/frontend';

/** Callers that must not come in, at every kind of verifier; the same knock lets a true member in. */
export const strangers: Step = {
  title: 'strangers, forgers and crossed trust domains are refused at every verifier',
  async run(tour: Tour, report: Report) {
    const callers = strangersOf(tour);
    const member = await memberLeaf(tour.sandbox, 'east', 'frontend');
    for (const [place, door] of Object.entries(doors(tour))) {
      const control = await bytesBack(door, member);
      report.expect(`${place}: a member is let in by the same knock`, `${control} bytes back`, control > 0);
      for (const [caller, credentials] of Object.entries(callers)) {
        const back = await bytesBack(door, credentials);
        report.expect(
          `${place}: ${caller} is refused`,
          back === 0 ? 'closed, 0 bytes back' : `${back} bytes back`,
          back === 0,
        );
      }
    }
    await atAgent(tour, callers, report);
    for (const [caller, credentials] of Object.entries(callers)) {
      const seen = await tryLink(tour.sandbox, credentials);
      report.expect(`hub: ${caller} gets no stream`, seen, seen !== 'OPEN');
    }
  },
};

function doors({ sandbox }: Tour): Readonly<Record<string, Door>> {
  const from = podAddress(sandbox, 'east', 'frontend');
  return {
    ztunnel: {
      host: podAddress(sandbox, 'east', 'catalogue-1'),
      port: 15008,
      localAddress: from,
      alpn: 'h2',
    },
    gateway: { host: gatewayAddresses(sandbox)['east'] ?? '', port: 15008, localAddress: from, alpn: 'h2' },
    sidecar: {
      host: podAddress(sandbox, 'west', 'cart'),
      port: 8082,
      localAddress: podAddress(sandbox, 'west', 'catalogue-1'),
      alpn: 'istio',
      servername: 'outbound_.8082_._.cart.shop.svc.cluster.local',
    },
  };
}

function strangersOf({ sandbox, clock }: Tour): Readonly<Record<string, Credentials | undefined>> {
  const now = clock.now();
  const foreign = forger('foreign', now);
  const member = clusterIssuer(sandbox, 'west');
  return {
    'a caller without a certificate': undefined,
    'the right name from a foreign root': forge(
      frontend,
      foreign.intermediate,
      [foreign.intermediate.certificate, foreign.root],
      now,
    ),
    'another trust domain issued by a member, a foreign root behind': forge(
      'spiffe://td-b/ns/shop/sa/frontend',
      member,
      [member.certificate, foreign.root],
      now,
    ),
  };
}

/** The agent hands certificates to tokens only, and to each only what it may have. */
async function atAgent(
  { sandbox }: Tour,
  callers: Readonly<Record<string, Credentials | undefined>>,
  report: Report,
): Promise<void> {
  const told = (answer: Awaited<ReturnType<typeof requestCertificate>>) =>
    typeof answer === 'string' ? answer : 'a certificate';
  for (const [caller, certificate] of Object.entries(callers)) {
    const seen = told(await requestCertificate(sandbox, 'east', { token: undefined, certificate }));
    report.expect(
      `agent: ${caller} and no token gets no certificate`,
      seen,
      seen.startsWith('UNAUTHENTICATED'),
    );
  }
  const other = told(await requestCertificate(sandbox, 'east', { token: tokenOf(sandbox, 'west', 'cart') }));
  report.expect(
    'agent: another cluster’s token gets no certificate',
    other,
    other.startsWith('UNAUTHENTICATED'),
  );
  const node = tokenOf(sandbox, 'east', 'ztunnel-east-b', 'istio-system');
  const elsewhere = told(await requestCertificate(sandbox, 'east', { token: node, impersonate: frontend }));
  report.expect(
    'agent: an identity that is not on the node is refused',
    elsewhere,
    elsewhere.startsWith('PERMISSION_DENIED'),
  );
  const greedy = told(
    await requestCertificate(sandbox, 'east', {
      token: tokenOf(sandbox, 'east', 'frontend'),
      impersonate: 'spiffe://cluster.local/ns/shop/sa/catalogue',
    }),
  );
  report.expect(
    'agent: a pod that asks for another’s identity is refused',
    greedy,
    greedy.startsWith('PERMISSION_DENIED'),
  );
}
