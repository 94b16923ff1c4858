import { err, ok, type Result } from '../result.ts';

/** What differs between pods. */
export interface PodOptions {
  /** DNS queries go to the proxy. */
  readonly dns: boolean;
  /** False: only what the pod calls is captured, and what calls it is not. */
  readonly inbound: boolean;
  /** Interfaces behind which machines of the pod are (VMs): what comes in there is outbound. Each of them once, sorted. */
  readonly virtualInterfaces: readonly string[];
}

/** Istio's annotations of pods. */
export const dnsAnnotation = 'ambient.istio.io/dns-capture';
export const bypassAnnotation = 'ambient.istio.io/bypass-inbound-capture';
export const interfacesAnnotation = 'istio.io/reroute-virtual-interfaces';

const maxInterfaces = 32;

/** The kernel's limit is 15 bytes (IFNAMSIZ). Of these, none needs quotes in any syntax of rules. */
const interfaceName = /^[A-Za-z0-9_.@-]{1,15}$/;

/**
 * Reads the annotations of a pod as Istio does: a value that is not `true` or `false` is refused, as nobody knows what was
 * meant. `dns` is what holds without an annotation. The error is one sentence for who wrote it.
 */
export function readPodOptions(
  annotations: Readonly<Record<string, string>>,
  { dns }: Pick<PodOptions, 'dns'>,
): Result<PodOptions, string> {
  const dnsCapture = readBoolean(annotations, dnsAnnotation, dns);
  if (!dnsCapture.ok) return dnsCapture;
  const bypass = readBoolean(annotations, bypassAnnotation, false);
  if (!bypass.ok) return bypass;
  const interfaces = readInterfaces(annotations[interfacesAnnotation] ?? '');
  if (!interfaces.ok) return interfaces;
  return ok({ dns: dnsCapture.value, inbound: !bypass.value, virtualInterfaces: interfaces.value });
}

function readBoolean(
  annotations: Readonly<Record<string, string>>,
  name: string,
  otherwise: boolean,
): Result<boolean, string> {
  const written = annotations[name];
  if (written === undefined) return ok(otherwise);
  if (written === 'true' || written === 'false') return ok(written === 'true');
  return err(`the annotation ${name} is 'true' or 'false', not '${written.slice(0, 40)}'`);
}

function readInterfaces(written: string): Result<readonly string[], string> {
  const names = written
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const bad = names.find((name) => !interfaceName.test(name));
  if (bad !== undefined)
    return err(
      `the annotation ${interfacesAnnotation} lists names of interfaces, of 15 characters at most, not '${bad.slice(0, 40)}'`,
    );
  const each = [...new Set(names)].sort();
  return each.length <= maxInterfaces
    ? ok(each)
    : err(
        `the annotation ${interfacesAnnotation} lists ${each.length} interfaces: ${maxInterfaces} are the most`,
      );
}
