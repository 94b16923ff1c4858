import type { Log } from '@isthmus/mesh/process/log.ts';
import type { SourceEvent } from '../view/source-event.ts';

const maxLines = 20;

/** What was refused or is not applied, as it comes. Kinds that are not acted on are in the report alone. */
export function logRejections(batch: readonly SourceEvent[], log: Log): void {
  for (const event of batch) {
    if (event.type !== 'rejections') continue;
    const logged = event.rejections.filter(({ severity }) => severity !== 'INFO');
    for (const { code, severity, object, field, message, file, line } of logged.slice(0, maxLines))
      log.warn({ code, severity, object, field, file, line, why: message }, 'manifest rejected');
    if (logged.length > maxLines)
      log.warn({ origin: event.origin, more: logged.length - maxLines }, 'and more of the same');
  }
}
