import { sleep } from '@isthmus/mesh/process/clock.ts';
import { mutate } from '../../instance/api.ts';
import { forge } from '../attackers/forger.ts';
import { isRefused, tryListener, attemptText } from '../attackers/attempt.ts';
import type { Listener } from '../listeners/listener.ts';
import type { Report, Tour } from '../context.ts';
import { gatewayListener, sidecarListener, ztunnelListener } from '../listeners/proxies.ts';
import { clusterIssuer, memberLeaf } from '../member.ts';

const mutation = `mutation($input: SetClusterNamespacesInput!) {
  result: setClusterNamespaces(input: $input) { userErrors { code field message } } }`;

/**
 * South's own intermediate vouches for a workload of a namespace that south may not host: refused at every kind of
 * proxy, while south's true workloads are let in by the same attempt. Without the list, the forged leaf is let in.
 */
export async function forgedNamespaces(tour: Tour, report: Report): Promise<void> {
  const { sandbox, clock } = tour;
  const issuer = clusterIssuer(sandbox, 'south');
  const id = 'spiffe://cluster.local/ns/payments/sa/ledger';
  const forged = forge(id, issuer, [issuer.certificate], clock.now());
  const member = await memberLeaf(sandbox, 'south', 'cart');
  const listeners: Readonly<Record<string, Listener>> = {
    ztunnel: ztunnelListener(sandbox, ['south', 'cart']),
    gateway: gatewayListener(sandbox, 'east', ['south', 'cart']),
    sidecar: sidecarListener(sandbox, ['south', 'cart']),
  };
  const allow = (namespaces: readonly string[] | null) =>
    mutate(sandbox.endpoint, mutation, { cluster: 'south', namespaces, reason: 'tour' });
  await allow(['shop', 'istio-system']);
  try {
    for (const [place, listener] of Object.entries(listeners)) {
      const seen = await untilRefused(tour, listener, forged);
      report.expect(
        `${place}: a leaf that south's intermediate issued for ${id}, which south may not host, is refused`,
        attemptText(seen),
        isRefused(seen),
      );
      const control = await tryListener(listener, member);
      report.expect(`${place}: south's own workload is let in`, attemptText(control), control.bytes > 0);
    }
  } finally {
    await allow(null);
  }
}

/** The list travels to the proxies within moments. */
async function untilRefused(
  { clock, timeScale }: Tour,
  listener: Listener,
  forged: Parameters<typeof tryListener>[1],
): Promise<Awaited<ReturnType<typeof tryListener>>> {
  const until = clock.monotonic() + 5000 * timeScale;
  for (;;) {
    const seen = await tryListener(listener, forged);
    if (isRefused(seen) || clock.monotonic() > until) return seen;
    await sleep(clock, 100);
  }
}
