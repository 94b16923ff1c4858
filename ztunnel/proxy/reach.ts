import { blamesRoute, isAnswer, type DialFailure } from '@isthmus/mesh/decide/evidence.ts';
import { identityOf } from '@isthmus/mesh/decide/identities.ts';
import type { OutboundDecision, Route } from '@isthmus/mesh/decide/outbound.ts';
import { routeKey } from '@isthmus/mesh/decide/route-key.ts';
import { ConnectRefused } from '@isthmus/mesh/hbone/tunnel.ts';
import type { Headers } from '@isthmus/mesh/http2/session.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { ProxyError } from '../proxy-error.ts';
import { outcomeOf, type DialCounts } from '../report/dial-counts.ts';
import type { RecentFailures } from './recent-failures.ts';
import { dialRoute, type DialRouteDeps, type Reached } from './dial-route.ts';
import { hedgedDial } from './hedged-dial.ts';
import type { RetryBudgets } from './retry-budget.ts';

export interface ReachDeps extends DialRouteDeps {
  readonly log: Log;
  readonly failures: RecentFailures;
  readonly retries: RetryBudgets;
  /** For reports to the agent. */
  readonly dials: DialCounts;
}

type Routes = Pick<Extract<OutboundDecision, { kind: 'routes' }>, 'routes' | 'service'>;

/**
 * Reaches one of the routes: the first that answers, within what may be retried. Throws what `race` throws, and
 * NO_CERTIFICATE.
 */
export async function reach(
  deps: ReachDeps,
  source: Workload,
  headers: Headers,
  { routes, service }: Routes,
  gone: AbortSignal,
): Promise<{ route: Route; reached: Reached }> {
  const budget = service?.key ?? routes.map(routeKey).join();
  deps.retries.called(budget);
  // Before any route is timed: that our own certificate is late says nothing of the far side.
  if (routes.some(({ kind }) => kind !== 'plaintext')) await deps.credentials.get(identityOf(source));
  const attempt = async (route: Route, signal: AbortSignal) => {
    try {
      const reached = await dialRoute(deps, source, headers, route, signal);
      deps.failures.worked(routeKey(route));
      deps.dials.dialled(route, 'connected', deps.clock.now());
      return { route, reached };
    } catch (error) {
      // A candidate that was given up for another has proved nothing against itself.
      if (!signal.aborted && blamesRoute(failureOf(error))) {
        deps.failures.failed(routeKey(route));
        deps.dials.dialled(route, outcomeOf(error), deps.clock.now());
        deps.log.debug({ route: routeKey(route), error: String(error) }, 'route failed');
      }
      throw error;
    }
  };
  return hedgedDial({
    candidates: routes,
    attempt,
    clock: deps.clock,
    gone,
    discard: ({ reached }) => reached.stream.close(),
    onSilent(route) {
      deps.failures.failed(routeKey(route));
      deps.dials.dialled(route, 'silent', deps.clock.now());
    },
    isAnswer: (error) => isAnswer(failureOf(error)),
    mayRetry: () => deps.retries.mayRetry(budget),
  });
}

function failureOf(error: unknown): DialFailure {
  if (error instanceof ConnectRefused) return { kind: 'refused', status: error.status };
  const isOurs = error instanceof ProxyError && error.code === 'NO_CERTIFICATE';
  return { kind: isOurs ? 'no-certificate' : 'unreached' };
}
