import type { Server, ServerResponse } from 'node:http';
import type { Log } from '../process/log.ts';
import { httpListener } from './listener.ts';

/** A part that must work, and why it does not; `problem` undefined: it does. */
export interface Check {
  readonly name: string;
  readonly problem: string | undefined;
  /** What does not work in a part that can go on serving: it is shown, and the program is ready. */
  readonly degraded?: readonly string[];
}

export interface HealthSources {
  /** Only what the program needs of itself: one that can serve without another program is ready without it. */
  readonly readiness: () => readonly Check[];
  /** In Prometheus' text format. */
  readonly metrics: () => Promise<{ readonly text: string; readonly contentType: string }>;
}

/**
 * `/livez` (and `/healthz`), `/readyz` and `/metrics`, as Kubernetes' own programs have them: 200 or 503, with reasons
 * when something does not work or only in part, and with every check for `?verbose`. Liveness says that the process answers, and never
 * depends on anything else: to start it again would not help. Requests by another name than an address are refused.
 */
export function healthServer(sources: HealthSources, log: Log): Server {
  return httpListener(
    async (request, response, { path, query }) => {
      if (request.method !== 'GET' && request.method !== 'HEAD')
        return text(response, 405, 'use GET\n', { allow: 'GET, HEAD' });
      const verbose = new URLSearchParams(query).has('verbose');
      switch (path) {
        case '/livez':
        case '/healthz':
          return checks(response, [{ name: 'ping', problem: undefined }], verbose, 'livez');
        case '/readyz':
          return checks(response, sources.readiness(), verbose, 'readyz');
        case '/metrics': {
          const page = await sources.metrics();
          return text(response, 200, page.text, { 'content-type': page.contentType });
        }
        default:
          return text(response, 404, '/livez /readyz /metrics\n');
      }
    },
    { name: 'admin', log, addressOnly: true },
  );
}

function checks(response: ServerResponse, all: readonly Check[], verbose: boolean, page: string): void {
  const failed = all.filter(({ problem }) => problem !== undefined);
  const isWhole = all.every(({ problem, degraded = [] }) => problem === undefined && degraded.length === 0);
  if (isWhole && !verbose) return text(response, 200, 'ok\n');
  const lines = all.flatMap(({ name, problem, degraded = [] }) => [
    problem === undefined ? `[+]${name} ok` : `[-]${name} failed: ${problem}`,
    ...degraded.map((what) => `[!]${name} degraded: ${what}`),
  ]);
  const verdict = failed.length === 0 ? 'passed' : 'failed';
  text(response, failed.length === 0 ? 200 : 503, `${[...lines, `${page} check ${verdict}`].join('\n')}\n`);
}

const text = (
  response: ServerResponse,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void =>
  void response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...headers }).end(body);
