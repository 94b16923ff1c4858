import type { TLSSocket } from 'node:tls';

/** What the handle of a socket can do, of which node:http2 shows nothing. */
interface Handle {
  readStart(): number;
  readStop(): number;
}

const handleOf = (socket: TLSSocket): Handle | undefined =>
  (socket as unknown as { readonly _handle?: Handle | null })._handle ?? undefined;

/**
 * Leaves the connection below an HTTP/2 session unread: TCP holds the peer up. node:http2 has no such call, and forbids
 * `pause` of the socket that a session has taken over; see docs/adr/0065.
 */
export const stopReading = (socket: TLSSocket): void => void handleOf(socket)?.readStop();

/** Reads on, also where reading had not stopped. */
export const readOn = (socket: TLSSocket): void => void handleOf(socket)?.readStart();
