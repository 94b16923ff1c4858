import type { Log } from '@isthmus/mesh/process/log.ts';
import type { SourceEvent } from './source/source.ts';

const mostLines = 20;

/** What was refused or is not applied, as it comes. Kinds that are not acted on are in the report alone. */
export function logRejections(batch: readonly SourceEvent[], log: Log): void {
  for (const event of batch) {
    if (event.type !== 'rejections') continue;
    const told = event.rejections.filter(({ reason }) => !reason.startsWith('SKIPPED'));
    for (const { object, field, reason } of told.slice(0, mostLines))
      log.warn({ object, field, reason }, 'a part of the cluster is not as it is written');
    if (told.length > mostLines)
      log.warn({ origin: event.origin, more: told.length - mostLines }, 'and more of the same');
  }
}
