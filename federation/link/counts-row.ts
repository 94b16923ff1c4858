import { serviceNameOf, type ServiceKey } from '@isthmus/api/domain/names.ts';
import type { EndpointGroup } from '@isthmus/api/domain/observation.ts';
import type { ServiceHealth } from '@isthmus/api/domain/report.ts';
import { healthReport } from '@isthmus/api/wire/link.ts';
import type { ReportRow, StoredReport } from '../store/store.ts';

const type = 'health';

/** The endpoint counts of one service as a row; undefined: it has none any more. */
export function countsRow(key: ServiceKey, groups: readonly EndpointGroup[] | undefined): ReportRow {
  if (!groups) return { type, name: key, resource: undefined };
  const service = { ...serviceNameOf(key), groups };
  const body = healthReport.encode({
    sequence: 0,
    sentAt: 0,
    proxiesConnected: 0,
    workloads: 0,
    services: [service],
    unreadable: [],
  });
  return { type, name: key, resource: { version: '', body } };
}

/** The endpoint counts among what the store has of a cluster. What cannot be read is counted again by its agent. */
export const countsOf = (stored: readonly StoredReport[]): readonly ServiceHealth[] =>
  stored
    .filter((one) => one.type === type)
    .flatMap(({ body }) => {
      const read = healthReport.decode(body);
      return read.ok ? read.value.services : [];
    });
