import type { AddressPort } from '@isthmus/mesh/net/address.ts';
import type { LocalPod } from '../capture.ts';

const programs = '127.0.0.1';

/**
 * The pod that calls at the SOCKS port of an address: a program that knows proxies but binds no address, as most do,
 * comes from 127.0.0.1, and belongs to the pod of that address.
 */
export const callerAtSocks = (from: AddressPort, address: string): string =>
  from.address === programs ? address : from.address;

/** Who comes from 127.0.0.1 to a VIP is not a pod, however long one waits. */
export const explainCaller = (caller: LocalPod): string | undefined =>
  caller.kind === 'address' && caller.address === programs
    ? 'a connection from 127.0.0.1 has no pod: bind your pod’s address before connecting, or use SOCKS5 on it'
    : undefined;
