/** Values of a chart, as a file of them has them. */
export type Values = Readonly<Record<string, unknown>>;

/** What a platform team may set on pods, of both charts: everything other than its default. */
const ofPods: Values = {
  image: {
    repository: 'registry.example/mesh/isthmus',
    digest: `sha256:${'0'.repeat(64)}`,
    pullPolicy: 'Always',
    pullSecrets: [{ name: 'registry' }],
  },
  logLevel: 'debug',
  resources: { requests: { cpu: '1' } },
  priorityClassName: 'mesh',
  priorityQuota: true,
  nodeSelector: { disk: 'ssd' },
  tolerations: [{ key: 'infra', operator: 'Exists' }],
  affinity: { nodeAffinity: {} },
  podLabels: { team: 'mesh' },
  podAnnotations: { note: 'one' },
  serviceAccount: { annotations: { note: 'two' } },
  podSecurityContext: { fsGroup: 70_000 },
  securityContext: { readOnlyRootFilesystem: false },
  networkPolicy: { enabled: false },
  disruptionBudget: { enabled: false },
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway' },
  ],
};

/** Renderings that are compared with golden files, by chart and by the name of the file. */
export const variants: Readonly<Record<string, Readonly<Record<string, Values>>>> = {
  'isthmus-crds': { default: {}, foreign: { foreignCRDs: true } },
  'isthmus-hub': {
    default: {},
    gke: { profile: 'gke' },
    eks: { profile: 'eks', service: { annotations: { team: 'mesh' } } },
    aks: { profile: 'aks' },
    openshift: { profile: 'openshift' },
    everything: {
      ...ofPods,
      hub: {
        id: 'main',
        trustDomain: 'example.org',
        urls: { link: ['hub.example:443'], join: ['join.example:443', '192.0.2.7:15102'] },
        exportByLabel: true,
        exports: 'strict',
        clusterLimits: 'services=8000,ports=30000',
        epochAbove: 7,
      },
      service: { type: 'NodePort', externalTrafficPolicy: 'Local', linkPort: 443, joinPort: 444 },
      api: { tlsSecretName: 'hub-tls', allowFrom: [{ namespaceSelector: {} }] },
      networkPolicy: { enabled: true },
      persistence: { storageClassName: 'fast', size: '10Gi', annotations: { backup: 'daily' } },
    },
  },
  'isthmus-cluster': {
    default: { cluster: { name: 'east' }, joinToken: 'token' },
    secret: { cluster: { name: 'east' }, joinTokenSecret: 'east-token' },
    joined: { cluster: { name: 'east' } },
    gke: { cluster: { name: 'east' }, profile: 'gke' },
    eks: { cluster: { name: 'east' }, profile: 'eks' },
    aks: { cluster: { name: 'east' }, profile: 'aks' },
    openshift: { cluster: { name: 'east' }, profile: 'openshift' },
    everything: {
      ...ofPods,
      cluster: { name: 'east' },
      joinToken: 'token',
      trustDomain: 'example.org',
      replicas: 3,
      nodeProxyAccounts: ['mesh/ztunnel'],
      remoteServiceAddresses: '198.18.0.0/15',
      xds: { names: ['istiod.istio-system.svc', 'istiod.istio-system.svc.cluster.local'] },
    },
  },
};
