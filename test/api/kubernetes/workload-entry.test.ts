import assert from 'node:assert/strict';
import { decodeObject } from '@isthmus/api/kubernetes/decode.ts';
import type { WorkloadEntryObject } from '@isthmus/api/kubernetes/objects.ts';

const entry = (spec: object, over: { readonly metadata?: object; readonly status?: object } = {}) => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'WorkloadEntry',
  ...over,
  metadata: { name: 'machine', namespace: 'shop', ...over.metadata },
  spec,
});

function taken(raw: object) {
  const decoded = decodeObject(raw);
  assert.ok(decoded.ok && decoded.value.kind === 'object', JSON.stringify(decoded));
  return { findings: decoded.value.findings, object: decoded.value.object as WorkloadEntryObject };
}

const address = '10.20.0.5';

describe('a WorkloadEntry', () => {
  it('has what its spec says', () => {
    const { object, findings } = taken(
      entry({
        address,
        labels: { app: 'cart' },
        serviceAccount: 'cart',
        network: 'network-b',
        locality: 'region/zone/subzone',
        weight: 3,
        ports: { http: 8080 },
      }),
    );
    assert.deepEqual(findings, []);
    assert.deepEqual(object.workload, {
      address,
      hostname: '',
      labels: { app: 'cart' },
      serviceAccount: 'cart',
      network: 'network-b',
      locality: { region: 'region', zone: 'zone', subzone: 'subzone' },
      weight: 3,
      ports: new Map([['http', 8080]]),
    });
    assert.deepEqual([object.hbone, object.healthy], [false, true]);
  });

  for (const version of ['v1', 'v1beta1', 'v1alpha3'])
    it(`of ${version} is read`, () =>
      assert.ok(decodeObject({ ...entry({ address }), apiVersion: `networking.istio.io/${version}` }).ok));

  it('has the labels of its metadata, those of its spec over them, and its network from a label too', () => {
    const labels = { app: 'cart', tier: 'db', 'topology.istio.io/network': 'network-c' };
    const { workload } = taken(entry({ address, labels: { app: 'pay' } }, { metadata: { labels } })).object;
    assert.deepEqual(workload.labels, { ...labels, app: 'pay' });
    assert.equal(workload.network, 'network-c');
  });

  it('has its address in canonical form, and a host name in lower case', () => {
    assert.equal(taken(entry({ address: '2001:DB8::0:1' })).object.workload.address, '2001:db8::1');
    assert.equal(taken(entry({ address: 'VM.example.com' })).object.workload.hostname, 'vm.example.com');
  });

  const marks: Record<string, [object, boolean]> = {
    'the label of a tunnel': [{ labels: { 'networking.istio.io/tunnel': 'http' } }, true],
    'the annotation of ambient redirection': [
      { annotations: { 'ambient.istio.io/redirection': 'enabled' } },
      true,
    ],
    'another tunnel': [{ labels: { 'networking.istio.io/tunnel': 'quic' } }, false],
    'redirection that is off': [{ annotations: { 'ambient.istio.io/redirection': 'disabled' } }, false],
  };
  for (const [name, [metadata, hbone]] of Object.entries(marks))
    it(`with ${name} ${hbone ? 'takes HBONE' : 'is reached in plaintext'}`, () =>
      assert.equal(taken(entry({ address }, { metadata })).object.hbone, hbone));

  for (const [status, healthy] of [
    ['True', true],
    ['Unknown', true],
    ['False', false],
  ] as const)
    it(`whose status says Healthy: ${status} is ${healthy ? 'healthy' : 'not healthy'}`, () => {
      const conditions = [{ type: 'Healthy', status }];
      assert.equal(taken(entry({ address }, { status: { conditions } })).object.healthy, healthy);
    });

  const findings: Record<string, [object, string, RegExp]> = {
    'a host name': [{ address: 'vm.example.com' }, 'NOT_APPLIED spec.address', /Istio’s own ztunnel/],
    'a socket': [{ address: 'unix:///run/a' }, 'NOT_APPLIED spec.address', /socket of Unix/],
    'no address': [{ network: 'b' }, 'NOT_APPLIED spec.address', /write an IP address/],
    'a misspelt field': [{ address, wieght: 1 }, 'UNKNOWN_FIELD spec.wieght', /did you mean "weight"/],
  };
  for (const [name, [spec, finding, message]] of Object.entries(findings))
    it(`with ${name} is taken, with what is not applied`, () => {
      const [first, ...others] = taken(entry(spec)).findings;
      assert.deepEqual([`${first?.code} ${first?.field}`, others], [finding, []]);
      assert.match(first?.message ?? '', message);
    });

  const refused: Record<string, [object, string, RegExp]> = {
    'every address': [{ address: '0.0.0.0' }, 'spec.address', /unspecified/],
    'localhost as its address': [{ address: '127.0.0.1' }, 'spec.address', /localhost/],
    'an address that is none': [{ address: 'a_b' }, 'spec.address', /an IP address or the name of a host/],
    'a port as text': [{ address, ports: { http: '80' } }, 'spec.ports.http', /must be a number/],
    'four parts of a place': [{ address, locality: 'a/b/c/d' }, 'spec.locality', /region\/zone\/subzone/],
    'a network with a slash': [{ address, network: 'a/b' }, 'spec.network', /letters, digits/],
    'an account that can be none': [{ address, serviceAccount: 'A/b' }, 'spec.serviceAccount', /./],
    'labels that are a list': [{ address, labels: ['a'] }, 'spec.labels', /./],
  };
  for (const [name, [spec, field, message]] of Object.entries(refused))
    it(`with ${name} is refused with its field`, () => {
      const decoded = decodeObject(entry(spec));
      assert.ok(!decoded.ok);
      assert.deepEqual([decoded.error.object, decoded.error.field], ['WorkloadEntry shop/machine', field]);
      assert.match(decoded.error.message, message);
    });

  for (const [weight, isTaken] of [
    [-1, false],
    [0, true],
    [999_999, true],
    [1_000_000, true],
    [1_000_001, false],
  ] as const)
    it(`of weight ${weight} is ${isTaken ? 'taken' : 'refused'}`, () => {
      const decoded = decodeObject(entry({ address, weight }));
      assert.equal(decoded.ok, isTaken);
    });

  for (const [port, isTaken] of [
    [0, false],
    [1, true],
    [65_535, true],
    [65_536, false],
  ] as const)
    it(`at port ${port} is ${isTaken ? 'taken' : 'refused'}`, () =>
      assert.equal(decodeObject(entry({ address, ports: { http: port } })).ok, isTaken));
});
