/** What is known of a request that had no answer. */
export interface Attempt {
  readonly url: URL;
  /** A CA was named by a flag or the environment. */
  readonly hasCa: boolean;
  /** The name that its certificate must have. */
  readonly name: string;
}

const untrusted: readonly string[] = [
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
];
const unknownName: readonly string[] = ['ENOTFOUND', 'EAI_AGAIN'];

/** Why a hub was not reached, and what to do: one sentence. The codes are those of Node and OpenSSL. */
export function unreachable({ url, hasCa, name }: Attempt, error: unknown): string {
  const { code = '', message } = reasonOf(error);
  const said = message === '' ? code : message;
  if (untrusted.includes(code)) return notTrusted(url, hasCa, code);
  if (code === 'CERT_HAS_EXPIRED')
    return `the certificate of ${url.host} has expired: have the hub serve a new one (--api-cert and --api-key)`;
  if (code === 'CERT_NOT_YET_VALID')
    return `the certificate of ${url.host} is not valid yet: compare the clock of this machine with that of the hub`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `the certificate of ${url.host} does not name ${name} (${said}): use a name or address that it has in --url, or give it with --server-name where the URL cannot have it, as through kubectl port-forward`;
  if (unknownName.includes(code))
    return `the name ${url.hostname} cannot be resolved here (${code}): check --url and the DNS of this machine`;
  if (code === 'ECONNREFUSED')
    return `no answer from ${url.href}: connection refused; is the hub running there? In Kubernetes, is kubectl port-forward running? --url names another`;
  if (isNoTls(url, code, said))
    return `no answer from ${url.href}: what listens there does not speak TLS; begin the URL with http: if it is a hub without a certificate`;
  const hint = isClosed(url, code) ? ', and does it serve https?' : '?';
  return `no answer from ${url.href}: ${said}; is the hub running there${hint} --url names another`;
}

const notTrusted = ({ host }: URL, hasCa: boolean, code: string): string =>
  hasCa
    ? `the certificate of ${host} is not trusted (${code}): it was not issued by the CA of --ca-file or ISTHMUS_CA_FILE; name the file that has its CA`
    : `the certificate of ${host} is not trusted (${code}): name the CA that issued it with --ca-file or ISTHMUS_CA_FILE`;

const isNoTls = ({ protocol }: URL, code: string, said: string): boolean =>
  protocol === 'https:' &&
  (code === 'EPROTO' || code.startsWith('ERR_SSL_') || said.includes('packet length'));

/** A listener with TLS ends a connection that begins without. */
const isClosed = ({ protocol }: URL, code: string): boolean => protocol === 'http:' && code === 'ECONNRESET';

interface Reason {
  readonly code?: string | undefined;
  readonly message: string;
}

/** Of several addresses that were tried, what the first one said. */
function reasonOf(error: unknown): Reason {
  if (error instanceof AggregateError) {
    const [first] = error.errors as readonly unknown[];
    if (first instanceof Error) return first;
  }
  return error instanceof Error ? error : { message: String(error) };
}
