/** A door to knock at, and the address to come from. */
export interface Door {
  readonly host: string;
  readonly port: number;
  readonly localAddress: string;
  readonly alpn: string;
  readonly servername?: string;
}
