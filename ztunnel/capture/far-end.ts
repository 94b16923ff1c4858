import type { Socket } from 'node:net';
import { canonicalAddress, type AddressPort } from '@isthmus/mesh/net/address.ts';

/** The far end of a socket; undefined when it has gone before it was accepted. */
export function farEnd({ remoteAddress, remotePort }: Socket): AddressPort | undefined {
  const address = remoteAddress?.includes(':') ? canonicalAddress(remoteAddress) : remoteAddress;
  return address === undefined || remotePort === undefined ? undefined : { address, port: remotePort };
}
