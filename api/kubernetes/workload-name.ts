import type { Metadata } from './objects.ts';

interface Owned {
  readonly generateName?: string | undefined;
  readonly ownerReferences?:
    | readonly {
        readonly kind?: string | undefined;
        readonly name?: string | undefined;
        readonly controller?: boolean | undefined;
      }[]
    | undefined;
}

/**
 * The workload that a pod is one of, as istiod derives it (pkg/kube/util.go, GetWorkloadMetaFromPod): the label that
 * names it, the controller of a pod whose name was generated, or the pod itself. Of a ReplicaSet it is the Deployment,
 * of a Job that a CronJob has made it is that.
 */
export function workloadNameOf({ name, labels }: Metadata, owned: Owned): string {
  const label = labels['service.istio.io/workload-name'];
  if (label !== undefined) return label;
  const controller = owned.generateName
    ? owned.ownerReferences?.find((one) => one.controller === true)
    : undefined;
  if (!controller?.name) return name;
  return parentOf(controller.kind ?? '', controller.name, labels);
}

function parentOf(kind: string, name: string, labels: Metadata['labels']): string {
  switch (kind) {
    case 'ReplicaSet': {
      const hash = [labels['pod-template-hash'], labels['rollouts-pod-template-hash']].find(
        (one) => one !== undefined && one !== '' && name.endsWith(one),
      );
      return hash !== undefined && name.endsWith(`-${hash}`) ? name.slice(0, -hash.length - 1) : name;
    }
    case 'ReplicationController':
      return labels['deploymentconfig'] || name;
    case 'Job':
      return /^(.+)-\d{8,10}$/.exec(name)?.[1] ?? name;
    default:
      return name;
  }
}
