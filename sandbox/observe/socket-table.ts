import { readFileSync } from 'node:fs';

/** One TCP socket as the kernel lists it. TIME_WAIT rows are included: they are connections that were. */
export interface SocketRow {
  /** Dotted for IPv4, also where a dual-stack socket has it mapped; else the kernel's own hex. */
  readonly local: string;
  readonly localPort: number;
  readonly remote: string;
  readonly remotePort: number;
  /** The kernel's state in hex: 01 established, 06 time wait, 0A listen. */
  readonly state: string;
  /** '0' where no process has it any more, as in TIME_WAIT. */
  readonly inode: string;
}

const listening = '0A';
const timeWait = '06';
const mapped = '0000000000000000FFFF0000';

/** Every TCP socket of this machine's network namespace, listeners too. */
export const readTable = (): readonly SocketRow[] =>
  ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => parseTcpTable(readFileSync(file, 'latin1')));

export const hasTwoEnds = ({ state }: SocketRow): boolean => state !== listening;

export const isTimeWait = ({ state }: SocketRow): boolean => state === timeWait;

/** The rows with an end in 127.<octet>.0.0/16. */
export const rowsOf = (octet: number, rows: readonly SocketRow[]): readonly SocketRow[] =>
  rows.filter(({ local, remote }) => [local, remote].some((at) => at.startsWith(`127.${octet}.`)));

/** proc(5): addresses are hex in the byte order of the machine, little-endian on all that Node runs on. */
export function parseTcpTable(text: string): readonly SocketRow[] {
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields.length > 3)
    .map(([, local = '', remote = '', state = '', , , , , , inode = '']) => ({
      local: address(local),
      localPort: port(local),
      remote: address(remote),
      remotePort: port(remote),
      state,
      inode,
    }));
}

const port = (field: string): number => parseInt(field.slice(field.indexOf(':') + 1), 16);

function address(field: string): string {
  const hex = field.slice(0, field.indexOf(':'));
  if (hex.length === 8) return dotted(hex);
  return hex.startsWith(mapped) ? dotted(hex.slice(mapped.length)) : hex;
}

const dotted = (hex: string): string =>
  [hex.slice(6, 8), hex.slice(4, 6), hex.slice(2, 4), hex.slice(0, 2)]
    .map((byte) => parseInt(byte, 16))
    .join('.');
