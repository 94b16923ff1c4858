import type { IncomingMessage } from 'node:http';
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { textWithin } from '@isthmus/mesh/process/read-within.ts';
import type { Endpoint } from './endpoint.ts';
import { CliError, exit } from './exit.ts';
import { unreachable } from './unreachable.ts';

const patienceSeconds = 15;
/** A page of the largest lists is a hundredth of it. */
const maxAnswerBytes = 64 * 1024 * 1024;

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/**
 * Posts JSON to a hub, which is verified by its certificate where the URL is https. Ends the command with what to do when
 * there is no answer. Follows no redirect: the token would go along.
 */
export async function post(endpoint: Endpoint, body: string): Promise<HttpAnswer> {
  const url = hubUrl(endpoint.url);
  // Node would quote what it cannot send, and nothing may print a token.
  if (!/^[\x21-\x7e]+$/.test(endpoint.token))
    throw new CliError(
      exit.usage,
      'the token is empty or not one word: check --token-file, ISTHMUS_TOKEN_FILE or ISTHMUS_TOKEN',
    );
  const patience = AbortSignal.timeout(patienceSeconds * 1000);
  try {
    const response = await sent(url, endpoint, body, patience);
    const text = await textWithin(response, maxAnswerBytes);
    if (text !== undefined) return { status: response.statusCode ?? 0, text };
    throw new Error(`its answer has more than ${maxAnswerBytes} bytes, the limit for one`);
  } catch (error) {
    const why = patience.aborted ? new Error(`none within ${patienceSeconds} s`) : error;
    const { ca, serverName = url.hostname } = endpoint;
    throw new CliError(
      exit.unreachable,
      unreachable({ url, hasCa: ca !== undefined, name: serverName }, why),
    );
  }
}

/** A hub's API is at /graphql: a URL without a path means that. Ends the command when it is no URL of HTTP. */
export function hubUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol))
    throw new CliError(exit.usage, `'${text}' is not a URL: give one such as http://127.0.0.1:8080/graphql`);
  if (url.pathname === '/') url.pathname = '/graphql';
  return url;
}

function sent(
  url: URL,
  { token, ca, serverName }: Endpoint,
  body: string,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    authorization: `Bearer ${token}`,
  };
  // An agent of its own keeps neither a connection nor a TLS session for the next request.
  const options = { method: 'POST', headers, signal, agent: false } as const;
  return new Promise((resolve, reject) => {
    const request =
      url.protocol === 'https:'
        ? tlsRequest(url, { ...options, ca, servername: serverName })
        : plainRequest(url, options);
    request.on('response', resolve).on('error', reject).end(body);
  });
}
