import { accessLines, type AccessLine } from '../observe/access-log.ts';
import type { Sandbox } from '../up.ts';
import { gatewayAddresses } from './addresses.ts';
import type { Path } from './paths.ts';

/** One call in the access logs of the proxies that it passed; `gateway` is undefined for a call within a network. */
export interface LoggedCall {
  readonly outbound: AccessLine;
  readonly inbound: AccessLine;
  readonly gateway: AccessLine | undefined;
}

/**
 * Finds a call that went along a path, in lines written after `since` (name of a program to the length of its log then).
 * Both ends must have logged the same call: as many bytes went out of one as came into the other, both ways. Calls that are
 * looked for are made so that none is as long as another, and all have `atLeast` bytes, more than those of other traffic.
 */
export function findCall(
  sandbox: Sandbox,
  path: Path,
  since: ReadonlyMap<string, number>,
  atLeast: number,
): LoggedCall | undefined {
  const lines = (names: readonly string[]) =>
    names.flatMap((name) => accessLines((sandbox.launcher.get(name)?.log() ?? '').slice(since.get(name))));
  const isLogged = (direction: string, line: AccessLine) =>
    line['direction'] === direction &&
    line['error'] === undefined &&
    isBetween(line, path) &&
    Number(line['bytes_sent']) >= atLeast;
  const gateways = path.gatewayPort === undefined ? [] : lines([`${path.cluster}-eastwest-gateway`]);
  for (const outbound of lines(path.from).filter(
    (line) => isLogged('outbound', line) && wentThere(line, sandbox, path),
  )) {
    const inbound = lines(path.to).find((line) => isLogged('inbound', line) && isSame(outbound, line));
    const gateway = inbound && gateways.find((line) => carried(line, outbound, inbound, path));
    if (inbound && (path.gatewayPort === undefined || gateway)) return { outbound, inbound, gateway };
  }
  return undefined;
}

const account = (name: string): string => `spiffe://cluster.local/ns/shop/sa/${name}`;

const isBetween = (line: AccessLine, { source, destination, cluster }: Path): boolean =>
  line['src.identity'] === account(source) &&
  line['dst.identity'] === account(destination) &&
  line['dst.cluster'] === cluster;

/** To the gateway of the other network, or not to a gateway at all. */
function wentThere(line: AccessLine, sandbox: Sandbox, { cluster, gatewayPort }: Path): boolean {
  const gateways = gatewayAddresses(sandbox);
  const to = line['dst.addr'] ?? '';
  if (gatewayPort !== undefined) return to === `${gateways[cluster] ?? ''}:${gatewayPort}`;
  return !Object.values(gateways).some((address) => to.startsWith(`${address}:`));
}

const isSame = (outbound: AccessLine, inbound: AccessLine): boolean =>
  outbound['bytes_sent'] === inbound['bytes_recv'] && outbound['bytes_recv'] === inbound['bytes_sent'];

/**
 * A gateway counts the bytes of the tunnel; it was called by the one end, dialled the other, and names the service. On
 * 15008 it knows who calls.
 */
const carried = (
  line: AccessLine,
  outbound: AccessLine,
  inbound: AccessLine,
  { destination, source, gatewayPort }: Path,
): boolean =>
  line['error'] === undefined &&
  line['dst.addr'] === inbound['dst.addr'] &&
  line['dst.service'] === `${destination}.shop.svc.cluster.local` &&
  hostOf(line['src.addr']) === hostOf(outbound['src.addr']) &&
  line['src.identity'] === (gatewayPort === 15_008 ? account(source) : undefined);

const hostOf = (address = ''): string => address.slice(0, address.lastIndexOf(':'));
