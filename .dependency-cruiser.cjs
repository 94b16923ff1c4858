'use strict';
// The direction of the house: programs -> api -> mesh. An arrow the other way is an error.
const programs = 'federation|cluster-agent|node-agent|ztunnel|sidecar|cli|sandbox';
const only = (name, module, file) => ({
  name,
  severity: 'error',
  comment: `Only ${file} touches ${module}.`,
  from: { pathNot: `^(${file}|test/|bench/)` },
  to: { path: module },
});

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-circles-of-rooms',
      severity: 'error',
      comment:
        'Two folders that import each other, directly or in a circle, are one room: move what both need.',
      scope: 'folder',
      from: {},
      to: { circular: true },
    },
    {
      name: 'mesh-stands-alone',
      severity: 'error',
      from: { path: '^mesh/' },
      to: { path: `^(api|${programs})/` },
    },
    {
      name: 'api-imports-mesh-only',
      severity: 'error',
      from: { path: '^api/' },
      to: { path: `^(${programs})/` },
    },
    {
      name: 'programs-are-apart',
      severity: 'error',
      comment: 'Programs never import each other; the CLI and the sandbox start them as processes.',
      from: { path: `^(federation|cluster-agent|node-agent|ztunnel|cli|sandbox)/` },
      to: { path: `^(${programs})/`, pathNot: '^$1/' },
    },
    {
      name: 'sidecar-assembles-ztunnel',
      severity: 'error',
      from: { path: '^sidecar/' },
      to: { path: '^(federation|cluster-agent|node-agent|cli|sandbox)/' },
    },
    {
      name: 'generated-code-behind-decoders',
      severity: 'error',
      from: { pathNot: '^(api/wire|api/grpc|api/gen|test)/' },
      to: { path: '^api/gen/' },
    },
    {
      name: 'decisions-do-no-io',
      severity: 'error',
      from: {
        path: '^(mesh/(decide|rbac|balance|records|state|delta|redirection)|cluster-agent/translate|federation/compile)/',
      },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|buffer|util)$' },
    },
    {
      name: 'agent-keys-and-state-are-the-ground',
      severity: 'error',
      comment: 'Keys and the agent’s own state know nothing of what they are used for.',
      from: { path: '^cluster-agent/(keys|state)/' },
      to: { path: '^cluster-agent/', pathNot: '^cluster-agent/(keys/|state/|agent-error\\.ts)' },
    },
    {
      name: 'agent-derives-before-it-publishes',
      severity: 'error',
      from: { path: '^cluster-agent/(view|health|policies|translate)/' },
      to: { path: '^cluster-agent/(publish|coverage|xds|link|runtime|app\\.ts|main\\.ts|source/files)' },
    },
    only(
      'one-runtime',
      '^cluster-agent/source/files/',
      '(cluster-agent/(agent-options|main|runtime-flags)\\.ts|cluster-agent/source/files/)',
    ),
    only(
      'one-kubernetes-runtime',
      '^cluster-agent/source/kubernetes/',
      '(cluster-agent/(agent-options|main|access)\\.ts|cluster-agent/source/kubernetes/)',
    ),
    only(
      'one-adapter-of-streams',
      '^mesh/net/node/node-stream\\.ts$',
      '(mesh/(net|tls|http2)/node/|ztunnel/capture/(loopback|pods)/|api/grpc/tls-arrivals\\.ts)',
    ),
    only('one-http2', '^(node:)?http2$', '(mesh/http2/node/|sandbox/)'),
    only('one-c-library', 'node_modules/(koffi|@koromix)/', 'mesh/native/native\\.ts'),
    only(
      'namespaces-are-for-capture',
      '^mesh/native/',
      '(mesh/native/|ztunnel/(capture/pods|zds)/|node-agent/)',
    ),
    only('one-kubernetes-client', 'node_modules/@kubernetes/client-node', 'api/kube/client\\.ts'),
    only('one-sqlite', '^(node:)?sqlite$', '(federation/store/|mesh/process/folder-lock)'),
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^api/gen/.*\\.d\\.ts$' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
