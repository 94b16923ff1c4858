import { hostOf } from '@isthmus/mesh/net/host-port.ts';
import { ok } from '@isthmus/mesh/result.ts';
import { HubError } from '../hub-error.ts';
import type { Outside, OutsideAddresses } from './outside.ts';

/** Where a hub listens, and what an operator says of where agents reach that. */
export interface Advertised {
  readonly linkListen: string;
  readonly joinListen: string;
  readonly advertiseLink: readonly string[];
  readonly advertiseJoin: readonly string[];
}

/** Addresses that an operator has given, or else those that are listened on. Throws ADVERTISE for one that cannot be dialled. */
export function advertisedOutside(listening: Advertised): Outside {
  const current = ok(addressesOf(listening));
  return { current, problems: () => [], onChange: () => () => undefined };
}

function addressesOf(listening: Advertised): OutsideAddresses {
  const link = advertised(listening.linkListen, listening.advertiseLink);
  const join = advertised(listening.joinListen, listening.advertiseJoin);
  return { link, join, hosts: [...new Set([...link, ...join].map(hostOf))], unresolved: [] };
}

function advertised(listen: string, advertise: readonly string[]): readonly string[] {
  if (advertise.length > 0) return advertise;
  if (!isEvery(hostOf(listen))) return [listen];
  throw new HubError(
    'ADVERTISE',
    `${listen} is every address of this machine: name those that agents can dial with --advertise-link and --advertise-join, or the Service before the hub with --outside-service`,
  );
}

/** Whether a host to listen on stands for every address. */
export const isEvery = (host: string): boolean => ['0.0.0.0', '::', ''].includes(host);
