import { SandboxError } from '../sandbox-error.ts';
import { readTable, rowsOf, type SocketRow } from '../observe/socket-table.ts';
import { holdName } from './held-name.ts';

/** A /16 of loopback addresses that is ours until `release`, e.g. second octet 77: 127.77.0.0/16. */
export interface Claim {
  readonly octet: number;
  readonly release: () => void;
}

interface Range {
  readonly first?: number;
  readonly last?: number;
  /** The kernel's sockets now; those of an earlier run stay in it as TIME_WAIT for a minute. */
  readonly table?: () => readonly SocketRow[];
}

/** Claims the addresses of an earlier run again, whose sockets may still be about. Throws BLOCK_IN_USE. */
export async function claimAgain(octet: number, instance: string): Promise<Claim> {
  const held = await holdName(blockName(octet));
  if (held) return { octet, release: held.release };
  throw new SandboxError(
    'BLOCK_IN_USE',
    `127.${octet}.0.0/16, the addresses of instance '${instance}', are in use by another sandbox: stop that one, or start over with --fresh`,
  );
}

const blockName = (octet: number): string => `isthmus-127.${octet}`;

/**
 * Claims the first /16 of 127.0.0.0/8, from 127.64 up, that nobody has claimed and of which the kernel's table has no
 * socket in any state, so that what is seen there later is ours. Throws NO_FREE_BLOCK when there is none.
 */
export async function claimBlock({ first = 64, last = 250, table = readTable }: Range = {}): Promise<Claim> {
  for (let octet = first; octet <= last; octet++) {
    const held = await holdName(blockName(octet));
    if (!held) continue;
    let isFree = false;
    try {
      isFree = rowsOf(octet, table()).length === 0;
    } finally {
      if (!isFree) held.release();
    }
    if (isFree) return { octet, release: held.release };
  }
  throw new SandboxError(
    'NO_FREE_BLOCK',
    `no /16 from 127.${first} to 127.${last} is free: stop another sandbox, or wait a minute after one has ended`,
  );
}
