import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';

/** What has labels, and a name where these say none. */
interface Named extends Pick<PodObject, 'workloadName'> {
  readonly metadata: Pick<PodObject['metadata'], 'labels'>;
}

/** The name and revision under which telemetry shows a pod (istio, pkg/kube/labels, CanonicalService). */
export function canonicalOf({ metadata: { labels }, workloadName }: Named): {
  readonly canonicalName: string;
  readonly canonicalRevision: string;
} {
  return {
    canonicalName:
      labels['service.istio.io/canonical-name'] ??
      labels['app.kubernetes.io/name'] ??
      labels['app'] ??
      workloadName,
    canonicalRevision:
      labels['service.istio.io/canonical-revision'] ??
      labels['app.kubernetes.io/version'] ??
      labels['version'] ??
      'latest',
  };
}
