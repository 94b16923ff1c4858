import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PodObject, ServiceObject } from '@isthmus/api/kubernetes/objects.ts';

export interface PodEnvironment {
  readonly pod: PodObject;
  /** Services with the address that this pod's proxy has for each. */
  readonly services: readonly { readonly service: ServiceObject; readonly address: string }[];
}

/** Writes what a pod's processes start with: its environment, and its token. A reader sees whole files only. */
export function writePodFiles(stateDir: string, { pod, services }: PodEnvironment, token: string): void {
  const dir = join(stateDir, 'pods', pod.metadata.namespace, pod.metadata.name);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  writeWhole(join(dir, 'token'), token);
  // Last, as its appearance is the sign that the pod may start.
  writeWhole(join(dir, 'env'), `${[...own(pod), ...services.flatMap(serviceVariables)].join('\n')}\n`);
}

const own = ({ metadata, podIP, nodeName, serviceAccount }: PodObject): readonly string[] => [
  `POD_IP=${podIP}`,
  `APP_ADDRESS=${metadata.annotations['isthmus.io/app-address'] ?? ''}`,
  `POD_NAME=${metadata.name}`,
  `POD_NAMESPACE=${metadata.namespace}`,
  `SERVICE_ACCOUNT=${serviceAccount}`,
  `NODE_NAME=${nodeName}`,
];

/** As Kubernetes names them: upper case, dashes to underscores. */
function serviceVariables({ service, address }: PodEnvironment['services'][number]): readonly string[] {
  const name = service.metadata.name.toUpperCase().replace(/[-.]/g, '_');
  const [first] = service.ports;
  if (!first) return [];
  return [
    `${name}_SERVICE_HOST=${address}`,
    `${name}_SERVICE_PORT=${first.port}`,
    ...service.ports
      .filter((port) => port.name !== '')
      .map((port) => `${name}_SERVICE_PORT_${port.name.toUpperCase().replace(/[-.]/g, '_')}=${port.port}`),
  ];
}

function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
