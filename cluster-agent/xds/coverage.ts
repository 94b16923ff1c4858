import type { RejectedVersion } from '@isthmus/mesh/delta/produced.ts';
import type { HeldStream } from './held-stream.ts';
import type { ProxyClient } from './proxy-client.ts';

/**
 * How far one resource has come among the proxies that are connected and take its type. Only pods that the agent knows
 * as proxies are among them: any pod of the mesh may open a stream with its token and then acknowledge nothing.
 */
export interface Coverage {
  /** Of the resource now; '' when there is none and proxies are to forget it. Differs by proxy for addresses. */
  readonly version: string;
  readonly proxies: number;
  readonly applied: number;
  /** Proxies that have yet to acknowledge it. */
  readonly waiting: readonly string[];
  readonly rejected: readonly { readonly client: string; readonly reason: string }[];
}

/** Every proxy has it: trivially so where none is connected. */
export const covers = ({ proxies, applied }: Coverage): boolean => proxies === applied;

/** How far one proxy has come with a type. */
export interface Outstanding {
  readonly client: Pick<ProxyClient, 'id' | 'key'>;
  /** It has received everything once. */
  readonly isComplete: boolean;
  /** What it has yet to acknowledge as it is now, or has refused. */
  readonly names: Iterable<string>;
  readonly refused: ReadonlyMap<string, RejectedVersion>;
}

/** How far a resource has come at these proxies. */
export function coverageOf(streams: readonly HeldStream[], type: string, name: string): Coverage {
  const waiting: string[] = [];
  const rejected: { client: string; reason: string }[] = [];
  let applied = 0;
  let version = '';
  for (const stream of streams) {
    const current = stream.view.resources(type).get(name)?.version;
    const said = stream.acknowledged(type, name);
    version = current ?? version;
    if (typeof said === 'object') rejected.push({ client: stream.view.client.id, reason: said.reason });
    else if (said === current && stream.complete) applied++;
    else waiting.push(stream.view.client.key);
  }
  return { version, proxies: streams.length, applied, waiting, rejected };
}
