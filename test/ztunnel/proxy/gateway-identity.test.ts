import assert from 'node:assert/strict';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { encodeWorkload } from '@isthmus/api/wire/address.ts';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { ProxyConfig } from '@isthmus/ztunnel/configuration.ts';
import { Engine } from '@isthmus/ztunnel/engine/engine.ts';
import { gatewayIdentity } from '@isthmus/ztunnel/proxy/gateway-identity.ts';
import type { FromWorker } from '@isthmus/ztunnel/messages.ts';
import { FakeCapture } from '../../fakes/capture.ts';
import { aWorkload } from '../../fakes/records.ts';

const config = {
  mode: 'gateway',
  network: 'network-east',
  cluster: 'east',
  address: '127.7.1.1',
  podName: 'gw-1',
  namespace: 'istio-system',
  serviceAccount: 'gw',
  trustDomain: defaultTrustDomain,
  workers: 1,
  resolvers: { nameservers: [], search: [] },
} as Partial<ProxyConfig> as ProxyConfig;

const own = aWorkload({
  uid: 'east//Pod/istio-system/gw-1',
  name: 'gw-1',
  namespace: 'istio-system',
  transport: 'plaintext',
  addresses: ['127.7.1.1'],
  serviceAccount: 'gw',
  trustDomain: 'corp.example' as TrustDomain,
});

describe('the identity of a gateway', () => {
  it('is in the trust domain that its control plane names, whatever it was started with', () => {
    const state = new MeshState();
    assert.equal(gatewayIdentity(state, config), 'spiffe://cluster.local/ns/istio-system/sa/gw');
    state.applyAddresses([{ kind: 'workload', workload: own }], []);
    assert.equal(gatewayIdentity(state, config), 'spiffe://corp.example/ns/istio-system/sa/gw');
  });

  it('is not that of another pod at its address', () => {
    const state = new MeshState();
    state.applyAddresses([{ kind: 'workload', workload: { ...own, name: 'other' } }], []);
    assert.equal(gatewayIdentity(state, config), 'spiffe://cluster.local/ns/istio-system/sa/gw');
  });

  it('is what it asks a certificate for', () => {
    const said: FromWorker[] = [];
    const engine = new Engine({
      config,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      access: undefined,
      tap: undefined,
      say: (message) => said.push(message),
      capture: (deps) => new FakeCapture(deps),
    });
    const resource = { name: own.uid, version: '1', body: encodeWorkload(own, { extended: true }) };
    engine.hear({ kind: 'delta', type: typeUrls.address, resources: [resource], removed: [] });
    engine.hear({ kind: 'synced' });
    const wanted = said.flatMap((one) => (one.kind === 'want-certificate' ? [one.identity] : []));
    assert.deepEqual(wanted, ['spiffe://corp.example/ns/istio-system/sa/gw']);
  });
});
