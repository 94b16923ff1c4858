import { readFileSync } from 'node:fs';

/** One TCP socket as the kernel lists it. TIME_WAIT rows are included: they are connections that were. */
export interface SocketRow {
  readonly local: string;
  readonly localPort: number;
  readonly remote: string;
  readonly remotePort: number;
  /** The kernel's state in hex: 01 established, 06 time wait, 0A listen. */
  readonly state: string;
}

const listening = '0A';

/** Every IPv4 socket of this machine's network namespace that has two ends. */
export function readConnections(text = readFileSync('/proc/net/tcp', 'latin1')): readonly SocketRow[] {
  return parseTcpTable(text).filter(({ state }) => state !== listening);
}

/** proc(5): addresses are hex in the byte order of the machine, little-endian on all that Node runs on. */
export function parseTcpTable(text: string): readonly SocketRow[] {
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields.length > 3)
    .map(([, local = '', remote = '', state = '']) => ({
      ...{ local: address(local), localPort: port(local) },
      ...{ remote: address(remote), remotePort: port(remote) },
      state,
    }));
}

const port = (field: string): number => parseInt(field.slice(9), 16);

function address(field: string): string {
  const bytes = [field.slice(6, 8), field.slice(4, 6), field.slice(2, 4), field.slice(0, 2)];
  return bytes.map((byte) => parseInt(byte, 16)).join('.');
}
