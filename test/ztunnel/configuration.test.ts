import assert from 'node:assert/strict';
import type { Flags } from '@isthmus/mesh/process/flags.ts';
import { ownIdentity, nodeOf, readConfiguration, type ProxyMode } from '@isthmus/ztunnel/configuration.ts';

const environment = {
  XDS_ADDRESS: '127.1.0.1:15012',
  XDS_ROOT_CA: '/run/root.pem',
  AUTH_TOKEN: '/run/token',
  INSTANCE_IP: '127.1.0.2',
  NODE_NAME: 'node-1',
  POD_NAME: 'ztunnel-1',
  POD_NAMESPACE: 'istio-system',
};
const defaults = {
  mode: 'shared',
  capture: 'loopback',
  'admin-address': '127.0.0.1',
  'metrics-address': '127.1.0.2',
};
const flagsOf = (over: Record<string, string> = {}): Pick<Flags, 'text'> => {
  const values: Record<string, string> = { ...defaults, ...over };
  return { text: (name) => values[name] ?? '' };
};
const read = (env: Record<string, string> = {}, flags: Record<string, string> = {}, fixed?: ProxyMode) =>
  readConfiguration({ ...environment, ...env }, flagsOf(flags), fixed);

describe('ztunnel configuration', () => {
  it('comes from upstream’s environment, with its defaults', () => {
    const config = read();
    assert.ok(config.ok);
    const { mode, caAddress, caRootCa, cluster, trustDomain, serviceAccount, workers, drainMillis } =
      config.value;
    assert.deepEqual(
      [mode, cluster, trustDomain, serviceAccount],
      ['shared', 'Kubernetes', 'cluster.local', 'default'],
    );
    assert.deepEqual([caAddress, caRootCa], ['127.1.0.1:15012', '/run/root.pem'], 'the CA is where xDS is');
    assert.deepEqual([workers, drainMillis], [1, 5000]);
  });

  it('a value that is set outranks a default', () => {
    const own = { CA_ADDRESS: '127.1.0.9:15012', CLUSTER_ID: 'east', ZTUNNEL_WORKER_THREADS: '4' };
    const config = read({ ...own, CONNECTION_TERMINATION_DEADLINE: '0.5s' });
    assert.ok(config.ok);
    const { caAddress, cluster, workers, drainMillis } = config.value;
    assert.deepEqual([caAddress, cluster, workers, drainMillis], ['127.1.0.9:15012', 'east', 4, 500]);
  });

  it('resolvers are those of a resolv.conf, and none without one', () => {
    const config = readConfiguration(
      environment,
      flagsOf(),
      undefined,
      'nameserver 10.96.0.10\nsearch corp.example\n',
    );
    assert.ok(config.ok);
    assert.deepEqual(config.value.resolvers, {
      nameservers: [{ address: '10.96.0.10', port: 53 }],
      search: ['corp.example'],
    });
    const without = read({ PREFERED_SERVICE_NAMESPACE: 'istio-system' });
    assert.ok(without.ok);
    assert.deepEqual(without.value.resolvers, { nameservers: [], search: [] });
    assert.equal(without.value.preferredNamespace, 'istio-system');
  });

  it('a sidecar’s mode is fixed, whatever the flag says', () => {
    const config = read({}, { mode: 'gateway' }, 'sidecar');
    assert.ok(config.ok);
    assert.equal(config.value.mode, 'sidecar');
  });

  const refused: readonly (readonly [string, Parameters<typeof read>, RegExp])[] = [
    ['an unknown mode', [{}, { mode: 'waypoint' }], /--mode is shared, gateway, sidecar, not 'waypoint'/],
    ['another capture', [{}, { capture: 'tproxy' }], /--capture is loopback, pods, host, not 'tproxy'/],
    ['pods for a gateway', [{}, { capture: 'pods', mode: 'gateway' }], /--capture pods is for --mode shared/],
    ['no control plane', [{ XDS_ADDRESS: '' }], /environment variable XDS_ADDRESS is required/],
    ['no root of it', [{ XDS_ROOT_CA: '' }], /XDS_ROOT_CA is required/],
    ['no token', [{ AUTH_TOKEN: '' }], /AUTH_TOKEN is required/],
    ['no address', [{ INSTANCE_IP: '' }], /INSTANCE_IP is required/],
    ['no node, when it serves one', [{ NODE_NAME: '' }], /NODE_NAME is required/],
    ['no pod, when it is one', [{ POD_NAME: '' }, { mode: 'gateway' }], /POD_NAME is required/],
    ['an address outside loopback', [{ INSTANCE_IP: '10.0.0.1' }], /^NOT_LOOPBACK: INSTANCE_IP 10\.0\.0\.1 /],
    [
      'a dump on every address',
      [{}, { 'admin-address': '0.0.0.0' }],
      /^NOT_LOOPBACK: --admin-address 0\.0\.0\.0 .*shows the whole mesh/,
    ],
    ['a dump on the pod’s address', [{}, { 'admin-address': '10.0.0.1' }], /^NOT_LOOPBACK: --admin-address /],
    ['a dump on a name', [{}, { 'admin-address': '127.example' }], /^NOT_LOOPBACK: --admin-address /],
    ['no address of the dump', [{}, { 'admin-address': '' }], /^NOT_LOOPBACK: --admin-address /],
    [
      'metrics on every address',
      [{}, { 'metrics-address': '0.0.0.0' }],
      /^NOT_LOOPBACK: --metrics-address 0\.0\.0\.0 /,
    ],
    ['no address of metrics', [{}, { 'metrics-address': '' }], /^NOT_LOOPBACK: --metrics-address /],
    ['a tap where nothing passes', [{}, { tap: '/tmp/tap' }], /--tap is for --mode gateway only/],
    ['no worker', [{ ZTUNNEL_WORKER_THREADS: '0' }], /from 1 to 64/],
    ['half a worker', [{ ZTUNNEL_WORKER_THREADS: '1.5' }], /from 1 to 64/],
    ['a hundred workers', [{ ZTUNNEL_WORKER_THREADS: '100' }], /from 1 to 64/],
    ['a deadline in words', [{ CONNECTION_TERMINATION_DEADLINE: 'soon' }], /a number of seconds, as 5s/],
  ];
  for (const [name, asked, why] of refused)
    it(`is refused with ${name}, and says so`, () => {
      const config = read(...asked);
      assert.equal(config.ok, false);
      assert.match(config.error, why);
    });

  it('a gateway needs no node', () => assert.equal(read({ NODE_NAME: '' }, { mode: 'gateway' }).ok, true));

  for (const [mode, kind] of [
    ['shared', 'ztunnel'],
    ['gateway', 'router'],
    ['sidecar', 'sidecar'],
  ] as const)
    it(`as ${mode} it calls itself ${kind} to its control plane, by its own identity`, () => {
      const config = read({}, { mode });
      assert.ok(config.ok);
      const { id } = nodeOf(config.value);
      assert.equal(id, `${kind}~127.1.0.2~ztunnel-1.istio-system~istio-system.svc.cluster.local`);
      assert.equal(ownIdentity(config.value), 'spiffe://cluster.local/ns/istio-system/sa/default');
    });
});
