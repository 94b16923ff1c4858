import assert from 'node:assert/strict';
import { decodeObject } from '@isthmus/api/kubernetes/decode.ts';
import type { ServiceEntryObject } from '@isthmus/api/kubernetes/objects.ts';

const base = {
  hosts: ['api.example.com'],
  addresses: ['240.1.0.1'],
  ports: [{ number: 443, name: 'tls', protocol: 'TLS' }],
  resolution: 'STATIC',
  endpoints: [{ address: '192.0.2.1' }],
};
const entry = (over: object, metadata: object = {}) => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'ServiceEntry',
  metadata: { name: 'api', namespace: 'shop', ...metadata },
  spec: { ...base, ...over },
});

function taken(over: object, metadata: object = {}) {
  const decoded = decodeObject(entry(over, metadata));
  assert.ok(decoded.ok && decoded.value.kind === 'object', JSON.stringify(decoded));
  return { findings: decoded.value.findings, object: decoded.value.object as ServiceEntryObject };
}

describe('a ServiceEntry', () => {
  it('has what its spec says', () => {
    const { object, findings } = taken({
      hosts: ['API.example.com', 'alt.example.com'],
      addresses: ['240.1.0.1', '240.2.0.0/24', '2001:DB8::1'],
      ports: [{ number: 443, name: 'tls', targetPort: 8443 }, { number: 80 }],
      location: 'MESH_EXTERNAL',
    });
    assert.deepEqual(findings, []);
    const { metadata, endpoints, ...rest } = object;
    assert.equal(metadata.name, 'api');
    assert.deepEqual(
      endpoints.map(({ address, weight }) => [address, weight]),
      [['192.0.2.1', 1]],
    );
    assert.deepEqual(rest, {
      kind: 'ServiceEntry',
      hosts: ['alt.example.com', 'api.example.com'],
      addresses: [
        { address: '240.1.0.1', prefix: undefined },
        { address: '240.2.0.0', prefix: 24 },
        { address: '2001:db8::1', prefix: undefined },
      ],
      ports: [
        { name: 'tls', port: 443, targetPort: 8443 },
        { name: '', port: 80, targetPort: 80 },
      ],
      resolution: 'STATIC',
      selector: {},
      hbone: false,
      visibility: 'PUBLIC',
      subjectAltNames: [],
    });
  });

  for (const version of ['v1', 'v1beta1', 'v1alpha3'])
    it(`of ${version} is read`, () =>
      assert.ok(decodeObject({ ...entry({}), apiVersion: `networking.istio.io/${version}` }).ok));

  it('without a resolution passes connections through', () =>
    assert.equal(taken({ resolution: undefined, endpoints: undefined }).object.resolution, 'NONE'));

  it('takes HBONE at its endpoints when its label says so', () =>
    assert.ok(taken({}, { labels: { 'networking.istio.io/tunnel': 'http' } }).object.hbone));

  const seen: Record<string, [readonly string[], 'PUBLIC' | 'NAMESPACE', number, string?]> = {
    'everywhere, without exportTo': [[], 'PUBLIC', 1],
    'everywhere, by *': [['*'], 'PUBLIC', 1],
    'in its namespace, by a dot': [['.'], 'NAMESPACE', 1],
    'in its namespace, by its name': [['shop'], 'NAMESPACE', 1],
    'nowhere, by a tilde': [['~'], 'NAMESPACE', 0],
    'in its namespace alone, where others are listed too': [
      ['.', 'bank'],
      'NAMESPACE',
      1,
      'only namespace shop sees this entry',
    ],
    'nowhere, where only others are listed': [['bank'], 'NAMESPACE', 0, 'nobody sees this entry'],
  };
  for (const [name, [exportTo, visibility, hosts, message]] of Object.entries(seen))
    it(`is seen ${name}`, () => {
      const { object, findings } = taken({ exportTo });
      assert.deepEqual([object.visibility, object.hosts.length], [visibility, hosts]);
      assert.equal(findings.length, message === undefined ? 0 : 1);
      if (message !== undefined) assert.ok(findings[0]?.message.includes(message), findings[0]?.message);
    });

  const findings: Record<string, [object, string, RegExp]> = {
    'resolution DNS': [{ resolution: 'DNS' }, 'NOT_APPLIED spec.resolution', /Istio’s own ztunnel does/],
    'resolution DNS_ROUND_ROBIN': [
      { resolution: 'DNS_ROUND_ROBIN', endpoints: [{ address: 'a.example.com' }] },
      'NOT_APPLIED spec.resolution',
      /they refuse connections/,
    ],
    'resolution DYNAMIC_DNS': [
      { resolution: 'DYNAMIC_DNS', hosts: ['*.example.com'], endpoints: undefined },
      'NOT_APPLIED spec.resolution',
      /resolved at each connection/,
    ],
    'no addresses': [{ addresses: [] }, 'NOT_APPLIED spec.addresses', /are not matched/],
    UDP: [
      { ports: [{ number: 53, name: 'dns', protocol: 'UDP' }] },
      'NOT_APPLIED spec.ports[0].protocol',
      /UDP is not carried/,
    ],
    'an endpoint that is a socket': [
      { endpoints: [{ address: 'unix:///a' }] },
      'NOT_APPLIED spec.endpoints[0].address',
      /socket of Unix/,
    ],
    'an endpoint that is there twice': [
      { endpoints: [{ address: '192.0.2.1' }, { address: '192.0.2.1', ports: { tls: 1 } }] },
      'NOT_APPLIED spec.endpoints[1].address',
      /another endpoint of this entry has this address/,
    ],
    'a name that is no SPIFFE ID': [
      { subjectAltNames: ['api.example.com'] },
      'NOT_APPLIED spec.subjectAltNames[0]',
      /is a SPIFFE ID/,
    ],
    'a SPIFFE ID': [
      { subjectAltNames: ['spiffe://cluster.local/ns/a/sa/b'] },
      'NOT_APPLIED spec.subjectAltNames[0]',
      /by Istio’s own ztunnel alone/,
    ],
    'a misspelt field': [{ resoluton: 'DNS' }, 'UNKNOWN_FIELD spec.resoluton', /did you mean "resolution"/],
    'a misspelt field of an endpoint': [
      { endpoints: [{ address: '192.0.2.1', adress: 'x' }] },
      'UNKNOWN_FIELD spec.endpoints[0].adress',
      /did you mean "address"/,
    ],
  };
  for (const [name, [over, finding, message]] of Object.entries(findings))
    it(`with ${name} is taken, with what is not applied`, () => {
      const [first, ...others] = taken(over).findings;
      assert.deepEqual([`${first?.code} ${first?.field}`, others], [finding, []]);
      assert.match(first?.message ?? '', message);
    });

  it('with the label that exports a Service says that it is not exported', () => {
    const { findings: found } = taken({}, { labels: { 'istio.io/global': 'true' } });
    assert.deepEqual(
      found.map(({ code, field }) => `${code} ${field}`),
      ['NOT_APPLIED metadata.labels.istio.io/global'],
    );
  });

  it('has each endpoint once, the first of an address', () => {
    const endpoints = [
      { address: '192.0.2.1', weight: 2 },
      { address: '192.0.2.2' },
      { address: '192.0.2.1' },
    ];
    assert.deepEqual(
      taken({ endpoints })
        .object.endpoints.map(({ address, weight }) => [address, weight])
        .sort(),
      [
        ['192.0.2.1', 2],
        ['192.0.2.2', 1],
      ],
    );
  });

  const refused: Record<string, [object, string, RegExp]> = {
    'no host': [{ hosts: [] }, 'spec.hosts', /at least one host/],
    'every host': [{ hosts: ['*'] }, 'spec.hosts[0]', /would be every host/],
    'a host that is none': [{ hosts: ['a/b'] }, 'spec.hosts[0]', /name of a host/],
    'an address that is none': [{ addresses: ['a'] }, 'spec.addresses[0]', /IP address or a block/],
    'all addresses': [{ addresses: ['0.0.0.0/0'] }, 'spec.addresses[0]', /must not be all addresses/],
    'a selector beside endpoints': [
      { workloadSelector: { labels: { app: 'a' } } },
      'spec.endpoints',
      /beside workloadSelector/,
    ],
    'endpoints that nothing dials': [{ resolution: 'NONE' }, 'spec.endpoints', /write STATIC/],
    'a host name as a static endpoint': [
      { endpoints: [{ address: 'a.example.com' }] },
      'spec.endpoints[0].address',
      /must be an IP address where/,
    ],
    'many hosts that are to be resolved': [
      { hosts: ['*.example.com'], resolution: 'DNS', endpoints: [] },
      'spec.hosts[0]',
      /must be one host where the resolution is DNS/,
    ],
    'a resolution that Istio does not have': [{ resolution: 'dns' }, 'spec.resolution', /./],
    'an endpoint that is localhost': [
      { endpoints: [{ address: '127.0.0.1' }] },
      'spec.endpoints[0].address',
      /localhost/,
    ],
    'a port without a number': [{ ports: [{ name: 'a' }] }, 'spec.ports[0].number', /is required/],
  };
  for (const [name, [over, field, message]] of Object.entries(refused))
    it(`with ${name} is refused with its field`, () => {
      const decoded = decodeObject(entry(over));
      assert.ok(!decoded.ok);
      assert.deepEqual([decoded.error.object, decoded.error.field], ['ServiceEntry shop/api', field]);
      assert.match(decoded.error.message, message);
    });

  const limits: Record<string, [number, (count: number) => object]> = {
    hosts: [256, (count) => ({ hosts: Array.from({ length: count }, (_, i) => `h${i}.example.com`) })],
    addresses: [
      256,
      (count) => ({ addresses: Array.from({ length: count }, (_, i) => `240.1.${i >> 8}.${i & 255}`) }),
    ],
    ports: [256, (count) => ({ ports: Array.from({ length: count }, (_, i) => ({ number: i + 1 })) })],
    endpoints: [
      4096,
      (count) => ({
        endpoints: Array.from({ length: count }, (_, i) => ({ address: `10.1.${i >> 8}.${i & 255}` })),
      }),
    ],
  };
  for (const [name, [max, over]] of Object.entries(limits))
    for (const count of [max - 1, max, max + 1])
      it(`with ${count} ${name} is ${count <= max ? 'taken' : 'refused'}`, () => {
        const decoded = decodeObject(entry(over(count)));
        assert.equal(decoded.ok, count <= max);
        if (!decoded.ok) assert.equal(decoded.error.field, `spec.${name}`);
      });
});
