import { isIP } from 'node:net';
import { readPort } from '../net/port.ts';
import { err, ok, type Result } from '../result.ts';

/** Where a CONNECT wants to go. */
export interface Authority {
  readonly kind: 'address' | 'hostname';
  readonly host: string;
  readonly port: number;
}

/** `host:port` (RFC 9113 8.5): an IP literal, IPv6 in brackets, or a host name; the port is required. */
export function parseAuthority(text: string): Result<Authority, string> {
  const [, bracketed, bare, digits = ''] =
    /^(?:\[([0-9A-Fa-f:.]+)\]|([^[\]:@/?#\s]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? bare;
  if (host === undefined || host.length > 253) return err('a CONNECT needs host:port');
  const port = readPort(digits);
  if (port === undefined) return err(`${digits} is not a port`);
  if (bracketed !== undefined)
    return isIP(host) === 6 ? ok({ kind: 'address', host, port }) : err('no IPv6 address in the brackets');
  if (isIP(host) === 4) return ok({ kind: 'address', host, port });
  return /^[A-Za-z0-9._-]+$/.test(host)
    ? ok({ kind: 'hostname', host: host.toLowerCase(), port })
    : err('no host name before the port');
}

export const formatAuthority = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
