import { flag, matching, object, objects, oneOf, text, value, wholeNumber, type Value } from './value.ts';

const imageValues: readonly Value[] = [
  value(
    'profile',
    'default',
    oneOf('default', 'gke', 'eks', 'aks', 'openshift'),
    'Where the cluster runs: `default`, `gke`, `eks`, `aks` or `openshift`. It sets security contexts, the priority class and annotations of load balancers as that platform wants them (`profiles/` in the chart); values that you set count over it.',
  ),
  value(
    'image.repository',
    'localhost/isthmus',
    matching('^[^:@\\s]+(:[0-9]+/[^:@\\s]+)?$'),
    'The image without its tag. The default is for images that were loaded into the nodes.',
  ),
  value('image.tag', '', text, 'The tag of the image; empty: the version of the chart.'),
  value(
    'image.digest',
    '',
    matching('^(sha256:[0-9a-f]{64})?$'),
    '`sha256:…` of the image, used in place of the tag.',
  ),
  value(
    'image.pullPolicy',
    'IfNotPresent',
    oneOf('IfNotPresent', 'Always', 'Never'),
    'When nodes pull the image.',
  ),
  value('image.pullSecrets', [], objects, 'Secrets for the registry: `[{name: registry}]`.'),
];

const placementValues: readonly Value[] = [
  value('nodeSelector', {}, object, 'Labels of the nodes that it may run on.'),
  value('tolerations', [], objects, 'Taints of nodes that it tolerates.'),
  value('affinity', {}, object, 'Affinity of its pods.'),
  value('podLabels', {}, object, 'Further labels of its pods.'),
  value('podAnnotations', {}, object, 'Annotations of its pods.'),
  value('serviceAccount.annotations', {}, object, 'Annotations of its ServiceAccount.'),
  value(
    'priorityClassName',
    '',
    text,
    'The priority class of its pods. Empty: as the profile says; without a profile none.',
  ),
  value(
    'priorityQuota',
    false,
    flag,
    'Make a ResourceQuota that allows pods of the priority class in this namespace. GKE admits `system-cluster-critical` outside of kube-system only with one; the profile `gke` makes it without this value.',
  ),
];

const securityValues: readonly Value[] = [
  value('podSecurityContext', {}, object, 'Merged over the security context that the profile gives to pods.'),
  value(
    'securityContext',
    {},
    object,
    'Merged over the security context that the profile gives to containers. The root file system is read-only in all of them.',
  ),
  value('disruptionBudget.enabled', true, flag, 'Make a PodDisruptionBudget.'),
  value(
    'disruptionBudget.maxUnavailable',
    1,
    wholeNumber(0, 100),
    'How many pods a drain of nodes may take away at a time. 0 blocks drains.',
  ),
];

/** What both charts of programs have. `program` stands in the explanations: `the hub`. */
export const podValues = (program: string, defaults: { memory: string; limit: string }): readonly Value[] => [
  ...imageValues,
  value('logLevel', 'info', oneOf('debug', 'info', 'warn', 'error'), `How much ${program} logs.`),
  value(
    'resources',
    { requests: { cpu: '100m', memory: defaults.memory }, limits: { memory: defaults.limit } },
    object,
    `CPU and memory of ${program}.`,
  ),
  ...placementValues,
  ...securityValues,
];
