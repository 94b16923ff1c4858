import type { ServiceReport } from '@isthmus/api/domain/report.ts';
import type { TranslateInput } from '@isthmus/cluster-agent/translate/input.ts';
import { isReported, serviceReport } from '@isthmus/cluster-agent/translate/report.ts';

/** The reports on all services of a cluster. */
export const serviceReports = (input: TranslateInput): ReadonlyMap<string, ServiceReport> =>
  new Map(
    [...input.view.all('Service')]
      .filter(isReported)
      .map((service) => serviceReport(input, service))
      .map((report) => [`${report.namespace}/${report.name}`, report]),
  );
