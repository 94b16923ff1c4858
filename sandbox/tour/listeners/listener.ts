/** A listener that the tour connects to, and the local address that it connects from. */
export interface Listener {
  readonly host: string;
  readonly port: number;
  readonly localAddress: string;
  readonly alpn: string;
  readonly servername?: string;
}
