import { existsSync, rmSync } from 'node:fs';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { parseClientId } from '../keys/names.ts';
import { StateFile } from '../state/state-file.ts';
import type { ProvenProxies } from './proven.ts';

/** As agents up to 0.1 wrote it down: a proxy's id to the uids of pods that it has proven to serve. */
interface SavedProven {
  readonly proxies: readonly (readonly [proxy: string, pods: readonly string[]])[];
}

/** Takes over `proven.json` of an older agent once, and removes it. */
export function takeOlderProven(path: string, proven: ProvenProxies, log: Log): void {
  if (!existsSync(path)) return;
  const saved = proven.isEmpty ? new StateFile(path, log).read(isProven) : undefined;
  for (const [proxy, pods] of saved?.proxies ?? []) {
    const id = parseClientId(proxy);
    if (id.ok) for (const pod of pods) proven.set(pod, id.value);
  }
  rmSync(path, { force: true });
}

const isTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.every((one) => typeof one === 'string');

const isProven = (value: unknown): value is SavedProven => {
  const proxies =
    typeof value === 'object' && value !== null && 'proxies' in value ? value.proxies : undefined;
  return (
    Array.isArray(proxies) &&
    proxies.every(
      (one: unknown) =>
        Array.isArray(one) && one.length === 2 && typeof one[0] === 'string' && isTexts(one[1]),
    )
  );
};
