import type { Condition } from '@isthmus/api/domain/condition.ts';
import type { ServiceObject } from '@isthmus/api/kubernetes/objects.ts';

/** A port that cannot be bound leaves the service's other ports working, and says so. `refusedPorts`: with the code of the error that binding meets. */
export function portConditions(
  refusedPorts: ReadonlyMap<number, string>,
  { ports }: ServiceObject,
): readonly Condition[] {
  const refused = ports.flatMap(({ port }) => {
    const code = refusedPorts.get(port);
    return code === undefined ? [] : [{ port, ...whyRefused(port, code) }];
  });
  if (refused.length === 0) return [];
  const message = refused.map(({ port, cause }) => `port ${port} ${cause}`).join('; ');
  const remedy = refused.map(({ remedy }) => remedy).join('; ');
  return [
    {
      type: 'Captured',
      status: 'False',
      reason: 'PORT_NOT_CAPTURABLE',
      severity: 'ERROR',
      object: '',
      message,
      remedy,
    },
  ];
}

const whyRefused = (port: number, code: string): { readonly cause: string; readonly remedy: string } =>
  code === 'EACCES'
    ? {
        cause: 'cannot be bound without root',
        remedy: `lower net.ipv4.ip_unprivileged_port_start to ${port}, or use a higher port`,
      }
    : {
        cause: 'is in use on every address of this machine',
        remedy: `stop the process that listens on port ${port}, or use another port`,
      };
