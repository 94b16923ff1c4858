import { status, type Client, type ClientWritableStream, type ServiceError } from '@grpc/grpc-js';
import { openWriting, type Headers } from '@isthmus/api/grpc/call.ts';
import { proxyReportingService } from '@isthmus/api/grpc/services.ts';
import type { ReadReport } from '@isthmus/api/domain/proxy-report.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Reporter, ReportStream } from './reporter.ts';

/**
 * Opens the stream of reports on a channel on which the xDS stream is open. A control plane that does not know it, as
 * Istio's, answers UNIMPLEMENTED: then nothing is sent on this channel. Gives the function that ends it.
 */
export function openReports(client: Client, headers: Headers, reporter: Reporter, log: Log): () => void {
  const stream: ClientWritableStream<ReadReport> = openWriting(
    client,
    proxyReportingService.report,
    headers,
    (error) => {
      reporter.close(reports);
      if (error) refused(error, log);
    },
  );
  const reports: ReportStream = { write: (report) => stream.write({ ...report, refused: [] }) };
  stream.on('drain', () => reporter.drained(reports));
  // The reason comes with the answer; without a listener the error would end the process.
  stream.on('error', () => reporter.close(reports));
  reporter.open(reports);
  return () => {
    reporter.close(reports);
    stream.cancel();
  };
}

function refused({ code, details }: ServiceError, log: Log): void {
  if (code === status.UNIMPLEMENTED || code === status.CANCELLED || code === status.UNAVAILABLE) return;
  log.warn({ code: status[code], details }, 'the agent refused the report of this proxy');
}
