import { readPort } from '../net/port.ts';
import { err, ok, type Result } from '../result.ts';

/** Where a request goes: the path as it was sent, never decoded, and what follows it from `?` on ('' for nothing). */
export interface Target {
  readonly path: string;
  readonly query: string;
}

/** `http://authority` before the path (RFC 9112 3.2.2): every server must take it, as proxies send it. */
const absoluteForm = /^https?:\/\/[^/?#\\@]+(?=[/?]|$)/i;
/** Visible ASCII; a path that begins with two slashes would be read as an authority by a URL parser. */
const originForm = /^(\/(?:[^/\\?#][^\\?#]*)?)(\?[^#]*)?$/;

/**
 * Reads the target of a request line (RFC 9112 3.2). It is compared, and never resolved against a base: `new URL`
 * throws for targets that any stranger can send. The error is one sentence for the client.
 */
export function readTarget(url: string): Result<Target, string> {
  const rest = url.replace(absoluteForm, '');
  const target = rest !== url && !rest.startsWith('/') ? `/${rest}` : rest;
  const [, path, query = ''] = originForm.exec(target) ?? [];
  if (path === undefined || !/^[\x21-\x7e]*$/.test(target))
    return err('the request target must be a path that begins with one slash');
  return ok({ path, query });
}

const hostForm = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9_.-]{1,253})(?::(\d{1,5}))?$/i;

/** The name or address in a Host header, in lower case and without its port; the error is one sentence. */
export function readHost(header: string): Result<string, string> {
  const [, name, port = '1'] = hostForm.exec(header) ?? [];
  if (name === undefined || readPort(port) === undefined)
    return err('the Host header must be a name or an address, with a port from 1 to 65535 if there is one');
  return ok(name.toLowerCase());
}
