import assert from 'node:assert/strict';
import { clientId } from '@isthmus/cluster-agent/keys/names.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { ClientView } from '@isthmus/cluster-agent/xds/client-view.ts';
import { EncodeCache } from '@isthmus/cluster-agent/xds/encode.ts';
import type { ProxyClient } from '@isthmus/cluster-agent/xds/proxy-client.ts';
import type { NetworkAddress, Service } from '@isthmus/mesh/records/service.ts';
import { aService } from '../fakes/records.ts';
import { assertScales, type Work } from './doubled.ts';

const clientNamed = (name: string): ProxyClient => ({
  id: clientId('ztunnel', { namespace: 'istio-system', name }),
  kind: 'ztunnel',
  namespace: 'istio-system',
  pod: name,
  key: `istio-system/${name}`,
  nodeName: name,
  version: '0.1.0',
  upstreamVersion: '',
});

/** Services that count how often one of them is encoded, and clients that each have their own addresses of them. */
class Clients {
  encoded = 0;
  readonly services = new Map<string, Service>();
  readonly #shared: readonly NetworkAddress[];
  readonly views: readonly ClientView[];

  constructor(clients: number, services: number, shared: readonly NetworkAddress[] = []) {
    this.#shared = shared;
    for (let i = 0; i < services; i++) this.put(`s-${i}`, ['http']);
    const cache = new EncodeCache((_type, failure) => assert.fail(failure));
    this.views = Array.from({ length: clients }, (_, i) => {
      const address = `127.0.0.${i + 1}`;
      const own = () => [{ network: 'n', address, prefix: undefined }];
      return new ClientView(clientNamed(`z-${i}`), cache, shared.length > 0 ? undefined : own);
    });
    for (const view of this.views) view.projection = new Map([[typeUrls.address, this.services]]);
  }

  put(name: string, subjectAltNames: readonly string[]): void {
    const service = aService({ name, subjectAltNames, addresses: this.#shared });
    const count = () => this.encoded++;
    const counted = {
      ...service,
      get hostname() {
        count();
        return service.hostname;
      },
    };
    this.services.set(service.key, counted);
  }

  /** Every client looks at every service, twice, and takes its bytes. */
  read(): number {
    const before = this.encoded;
    for (const view of this.views)
      for (const key of [...this.services.keys(), ...this.services.keys()]) {
        const produced = view.resources(typeUrls.address).get(key);
        if (typeof produced?.body === 'function') produced.body();
      }
    return this.encoded - before;
  }
}

describe('the addresses that each client has of a service', () => {
  it('are appended: 50 clients and 1,000 services are 1,000 encodings', () => {
    assert.equal(new Clients(50, 1_000).read(), 1_000);
  });

  it('cost a client no encoding of a service that another one has', () => {
    const workWith = (clients: number): Work => {
      const all = new Clients(clients, 100);
      const firstSync = all.read();
      all.put('s-7', ['other']);
      return { firstSync, change: all.read() };
    };
    assertScales(workWith, 10);
    assert.equal(workWith(20).change, 1);
  });

  it('make versions that differ by client, and by what the service is', () => {
    const all = new Clients(2, 1);
    const [key = ''] = all.services.keys();
    const versions = () => all.views.map((view) => view.resources(typeUrls.address).get(key)?.version);
    const [one, other] = versions();
    assert.notEqual(one, other);
    assert.deepEqual(versions(), [one, other]);
    all.put('s-0', ['other']);
    const [changed] = versions();
    assert.notEqual(changed, one);
  });
});

describe('the addresses that all clients have of a service alike', () => {
  const both = ['10.96.0.1', 'fd00::1'].map((address) => ({ network: 'n', address, prefix: undefined }));

  it('are in its record, which is encoded once: all clients hold the very same bytes and version', () => {
    const all = new Clients(50, 1_000, both);
    assert.equal(all.read(), 1_000);
    const [key = ''] = all.services.keys();
    const produced = new Set(all.views.map((view) => view.resources(typeUrls.address).get(key)));
    assert.equal(produced.size, 1);
  });
});
