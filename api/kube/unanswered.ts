import { ApiFailure } from './api-failure.ts';
import { LineTooLong } from './json-lines.ts';
import { described, type Call } from './refusal.ts';

/** The failure for an answer that cannot be read. Pure. */
export const unreadable = (call: Call, why: string): ApiFailure =>
  new ApiFailure(
    'API_MALFORMED',
    `the answer to the ${described(call)} ${why}; check that the address is that of an API server, and what stands before it`,
  );

/** The failure for a call that was not answered, or not to its end. An `ApiFailure` stays what it is. Pure. */
export function broken(call: Call, error: unknown): ApiFailure {
  if (error instanceof ApiFailure) return error;
  if (error instanceof LineTooLong) return unreadable(call, `is cut: ${error.message}`);
  const why = error instanceof Error ? error.message : String(error);
  const text = `${described(call)} got no answer: ${why}; ${remedy(error)}`;
  return new ApiFailure('API_UNREACHABLE', text, { cause: error });
}

/** Codes of Node for a certificate that is not accepted. */
const ofCertificate = /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_CERT_|HOSTNAME_MISMATCH)/;

function remedy(error: unknown): string {
  const { code } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  return ofCertificate.test(code ?? '')
    ? "check that the CA of the kubeconfig or of the ServiceAccount is that of the API server, and the names in the server's certificate"
    : 'check that the API server runs and that its address can be reached from here';
}
