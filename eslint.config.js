import tseslint from 'typescript-eslint';
import { vocabulary } from './.eslint-vocabulary.js';

// Real time, randomness and ids enter through mesh/process, so that every decision can be tested with fakes.
const injected = [
  { object: 'Date', property: 'now', message: 'Take a Clock (mesh/process/clock.ts).' },
  { object: 'Math', property: 'random', message: 'Take a Random (mesh/process/random.ts).' },
];
/** A literal spread into a literal switches off the check for fields that the type does not have. */
const literalGroup = {
  selector: 'ObjectExpression > SpreadElement > ObjectExpression',
  message: 'Write the fields themselves: TypeScript does not check a spread literal for unknown fields.',
};
const timers = ['setTimeout', 'setInterval'].map((name) => ({
  name,
  message: 'Take a Clock (mesh/process/clock.ts).',
}));

/** A file that is replaced in place is half a file after a crash or on a full disk. */
const fileWriting = {
  name: 'node:fs',
  importNames: ['writeFileSync', 'writeFile'],
  message: 'Use writeWhole (mesh/process/write-whole.ts).',
};

/** Streams of Node's show a reset as an end, or late, or never (docs/adr/0020 and 0084). */
const nodeStreams = [
  ['node:stream', 'Duplex'],
  ['node:net', 'Socket'],
  ['node:tls', 'TLSSocket'],
].map(([name, type]) => ({
  name,
  importNames: [type],
  message: 'Speak ByteStream (mesh/net/byte-stream.ts).',
}));

const broken = [
  {
    property: 'getPeerX509Certificate',
    message:
      'It never frees the issuers in the chain: read the DER of getPeerCertificate (mesh/tls/node/node-tls.ts).',
  },
  {
    property: 'toLegacyObject',
    message: 'Called before node:tls is loaded, it leaves that module without createSecureContext.',
  },
];

export default tseslint.config(
  { ignores: ['node_modules', 'api/gen', '**/*.js', '**/*.cjs', 'coverage'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { vocabulary },
    rules: {
      'vocabulary/words': 'error',
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      complexity: ['error', 16],
      'no-restricted-properties': ['error', ...injected, ...broken],
      'no-restricted-globals': ['error', ...timers],
      'no-restricted-syntax': [
        'error',
        literalGroup,
        {
          selector: 'NewExpression[callee.name="CodedError"]',
          message:
            'Throw the error of the program (mesh/process/coded-error.ts names them): its codes are a closed union.',
        },
        {
          selector: 'TSAsExpression TSTypeReference > Identifier[name=/^(TrustDomain|SpiffeId)$/]',
          message: 'Parse it where it comes in (mesh/identity/spiffe-id.ts).',
        },
        {
          selector:
            'TSAsExpression TSTypeReference > Identifier[name=/^(PodKey|PolicyKey|ServiceKey|ClientId|WorkloadUid)$/]',
          message: 'Parse it or make it from its parts (cluster-agent/keys/names.ts, api/domain/names.ts).',
        },
        {
          selector: 'NewExpression[callee.name="Date"][arguments.length=0]',
          message: 'Take a Clock (mesh/process/clock.ts).',
        },
        {
          selector: 'MemberExpression[object.property.name=/^std(out|err)$/][property.name="write"]',
          message: 'Use writeOut or writeErr (mesh/process/terminal-text.ts).',
        },
        {
          // Node skips checkServerIdentity on a resumed session, so a session is never offered again.
          selector: 'CallExpression[callee.name="connect"] > ObjectExpression > Property[key.name="session"]',
          message: 'Never resume a TLS session: it skips the identity check.',
        },
      ],
      'no-restricted-imports': ['error', { paths: [fileWriting, ...nodeStreams] }],
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          name: 'node:http',
          importNames: ['createServer', 'Server'],
          allowTypeImports: true,
          message: 'Take httpListener (mesh/http/listener.ts): no request may end the process.',
        },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-invalid-void-type': 'off',
    },
  },
  {
    // The listener itself, and sample applications, which import nothing.
    files: ['mesh/http/listener.ts', 'sandbox/shop/**', 'test/**', 'bench/**'],
    rules: { '@typescript-eslint/no-restricted-imports': 'off' },
  },
  {
    files: [
      // The adapters, and where the sockets of a proxy and of gRPC are accepted and dialled.
      'mesh/{net,tls,http2}/node/**',
      'ztunnel/capture/{loopback,pods}/**',
      'ztunnel/capture/far-end.ts',
      'api/grpc/tls-arrivals.ts',
      // What carries nothing for others: HTTP/1.1, probes, a look at a certificate, sample applications, the tour.
      'mesh/http/**',
      'cluster-agent/source/files/ask.ts',
      'cluster-agent/link/pinned-ca.ts',
      'sandbox/**',
    ],
    rules: { 'no-restricted-imports': ['error', { paths: [fileWriting] }] },
  },
  {
    // The homes of the brands.
    files: ['mesh/identity/spiffe-id.ts', 'cluster-agent/keys/names.ts', 'api/domain/names.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    files: ['mesh/process/**', 'test/**', 'bench/**'],
    rules: {
      'no-restricted-imports': 'off',
      'no-restricted-globals': 'off',
      'no-restricted-properties': ['error', ...broken],
      'no-restricted-syntax': ['error', literalGroup],
    },
  },
  {
    files: ['**/*.test.ts', 'test/**', 'bench/**'],
    rules: {
      'max-lines-per-function': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-floating-promises': 'off',
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
    },
  },
);
