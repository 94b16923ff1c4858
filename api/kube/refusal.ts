import type { Verb } from './access.ts';
import { ApiFailure, type ApiFailureCode } from './api-failure.ts';
import type { Resource } from './api-server.ts';
import { resourceName } from './resource-path.ts';

/** What was asked of an API server. */
export interface Call {
  readonly verb: Verb;
  /** The resource, or the path of a read. */
  readonly of: Pick<Resource, 'group' | 'plural'> | string;
  /** `<namespace>/<name>`, a namespace, or ''. */
  readonly object: string;
  readonly subresource?: string;
}

/** What it answered. `message`: of its Status object, or the text that came in place of one. */
export interface Refused {
  readonly status: number;
  readonly message: string;
  readonly retryAfterMillis?: number | undefined;
}

const maxMessage = 300;

/** The failure that stands for an answer that is no success: it names verb, resource, object and remedy. Pure. */
export function refusal(call: Call, { status, message, retryAfterMillis }: Refused): ApiFailure {
  const code = codeOf(status);
  const answer = oneLine(message);
  const said = answer === '' ? '' : `: ${answer}`;
  const text = `${described(call)} was answered with ${status}${said}; ${remedy(code, call)}`;
  return new ApiFailure(code, text, { status, retryAfterMillis });
}

/** `list of endpointslices.discovery.k8s.io`, `patch of services/status shop/cart`. */
export function described({ verb, of, object, subresource = '' }: Call): string {
  const resource = typeof of === 'string' ? of : resourceName(of);
  const below = subresource === '' ? '' : `/${subresource}`;
  return `${verb} of ${resource}${below}${object === '' ? '' : ` ${object}`}`;
}

function codeOf(status: number): ApiFailureCode {
  const known: Readonly<Record<number, ApiFailureCode>> = {
    400: 'API_INVALID',
    401: 'API_UNAUTHENTICATED',
    403: 'API_FORBIDDEN',
    404: 'API_NOT_FOUND',
    409: 'API_CONFLICT',
    410: 'API_GONE',
    422: 'API_INVALID',
    429: 'API_BUSY',
    503: 'API_BUSY',
  };
  return known[status] ?? 'API_ERROR';
}

function remedy(code: ApiFailureCode, { verb, of, subresource = '' }: Call): string {
  switch (code) {
    case 'API_FORBIDDEN':
      return typeof of === 'string'
        ? `give the role the verb get on the path ${of}`
        : `give the role the verb ${verb} on ${of.plural}${subresource === '' ? '' : `/${subresource}`}${of.group === '' ? '' : ` of the group ${of.group}`}`;
    case 'API_UNAUTHENTICATED':
      return 'the API server does not accept the credentials: check the token of the ServiceAccount or the kubeconfig';
    case 'API_NOT_FOUND':
      return 'create the object, or install the CRD of its kind';
    case 'API_CONFLICT':
      return 'read the object again and repeat the change';
    case 'API_GONE':
      return 'list again';
    case 'API_BUSY':
      return 'it is tried again; look at the load of the API server and its flow control if it lasts';
    case 'API_INVALID':
      return 'correct what the message names';
    default:
      return 'look at the log of the API server';
  }
}

const oneLine = (text: string): string => {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return (line.length > maxMessage ? `${line.slice(0, maxMessage - 1)}…` : line).toWellFormed();
};
