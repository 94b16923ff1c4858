import assert from 'node:assert/strict';
import { decodeObject } from '@isthmus/api/kubernetes/decode.ts';
import type { GatewayObject } from '@isthmus/api/kubernetes/objects.ts';

const hbone = { name: 'mesh', port: 15_008, protocol: 'HBONE', tls: { mode: 'Terminate' } };
const passthrough = { name: 'tls', port: 15_443, protocol: 'TLS', tls: { mode: 'Passthrough' } };
const eastWest = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'Gateway',
  metadata: {
    name: 'eastwest',
    namespace: 'istio-system',
    labels: { 'topology.istio.io/network': 'network-east' },
  },
  spec: { gatewayClassName: 'istio-east-west', listeners: [hbone] },
};

function taken(raw: object) {
  const decoded = decodeObject(raw);
  assert.ok(decoded.ok && decoded.value.kind === 'object', JSON.stringify(decoded));
  return decoded.value;
}

const withSpec = (over: object) => ({ ...eastWest, spec: { ...eastWest.spec, ...over } });

describe('a Gateway', () => {
  it('of class istio-east-west has its network, its ports and its addresses', () => {
    const { object, findings } = taken({
      ...withSpec({ listeners: [passthrough, hbone] }),
      status: { addresses: [{ type: 'IPAddress', value: '192.0.2.7' }] },
    });
    assert.deepEqual(findings, []);
    const { metadata, ...rest } = object as GatewayObject;
    assert.equal(metadata.name, 'eastwest');
    assert.deepEqual(rest, {
      kind: 'Gateway',
      className: 'istio-east-west',
      network: 'network-east',
      hbonePort: 15_008,
      passthroughPort: 15_443,
      addresses: ['192.0.2.7'],
    });
  });

  const addresses: Record<string, [object, readonly string[]]> = {
    'of its spec, while its status has none': [{ spec: ['192.0.2.1'] }, ['192.0.2.1']],
    'of its status before those of its spec': [
      { spec: ['192.0.2.1'], status: ['2001:DB8::0:1', '192.0.2.2'] },
      ['2001:db8::1', '192.0.2.2'],
    ],
    'once each': [{ status: ['192.0.2.2', '192.0.2.2'] }, ['192.0.2.2']],
    'none where there are names alone': [{ status: ['lb.example.com'] }, []],
  };
  for (const [name, [written, expected]] of Object.entries(addresses))
    it(`has the addresses ${name}`, () => {
      const { spec = [], status = [] } = written as { spec?: string[]; status?: string[] };
      const listed = (values: string[]) => values.map((value) => ({ value }));
      const { object } = taken({
        ...withSpec({ addresses: listed(spec) }),
        status: { addresses: listed(status) },
      });
      assert.deepEqual((object as GatewayObject).addresses, expected);
    });

  const notApplied: Record<string, [object, string, RegExp]> = {
    'of class istio-remote': [
      withSpec({ gatewayClassName: 'istio-remote' }),
      'NOT_APPLIED spec.gatewayClassName',
      /describes a gateway of another cluster/,
    ],
    'of another class': [
      withSpec({ gatewayClassName: 'nginx' }),
      'SKIPPED spec.gatewayClassName',
      /does not use class nginx/,
    ],
    'in another namespace': [
      { ...eastWest, metadata: { ...eastWest.metadata, namespace: 'shop' } },
      'NOT_APPLIED metadata.namespace',
      /is used in istio-system only/,
    ],
    'without a network': [
      { ...eastWest, metadata: { name: 'eastwest', namespace: 'istio-system' } },
      'NOT_APPLIED metadata.labels.topology.istio.io/network',
      /add the label/,
    ],
    'without a listener that is used': [
      withSpec({ listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] }),
      'NOT_APPLIED spec.listeners',
      /no listener of protocol HBONE/,
    ],
    'with a host name as its address': [
      { ...eastWest, status: { addresses: [{ type: 'Hostname', value: 'lb.example.com' }] } },
      'NOT_APPLIED status.addresses[0]',
      /give the load balancer an IP address/,
    ],
    'with a field that the kind does not have': [
      withSpec({ gatewayClass: 'x' }),
      'UNKNOWN_FIELD spec.gatewayClass',
      /unknown field "gatewayClass"/,
    ],
  };
  for (const [name, [raw, finding, message]] of Object.entries(notApplied))
    it(`${name} is taken, with what is not applied of it`, () => {
      const { findings } = taken(raw);
      assert.deepEqual(
        findings.map(({ code, field }) => `${code} ${field}`),
        [finding],
      );
      assert.match(findings[0]?.message ?? '', message);
    });

  const refused: Record<string, [object, string, RegExp]> = {
    'without a class': [
      { ...eastWest, spec: { listeners: [hbone] } },
      'spec.gatewayClassName',
      /is required/,
    ],
    'with a listener without a port': [
      withSpec({ listeners: [{ name: 'mesh', protocol: 'HBONE' }] }),
      'spec.listeners[0].port',
      /is required/,
    ],
    'whose addresses are text': [
      withSpec({ addresses: ['192.0.2.1'] }),
      'spec.addresses[0]',
      /must be an object, and is a string/,
    ],
  };
  for (const [name, [raw, field, message]] of Object.entries(refused))
    it(`${name} is refused with its field`, () => {
      const decoded = decodeObject(raw);
      assert.ok(!decoded.ok);
      assert.deepEqual([decoded.error.object, decoded.error.field], ['Gateway istio-system/eastwest', field]);
      assert.match(decoded.error.message, message);
    });

  for (const [port, isTaken] of [
    [0, false],
    [1, true],
    [65_535, true],
    [65_536, false],
  ] as const)
    it(`with a listener at port ${port} is ${isTaken ? 'taken' : 'refused'}`, () =>
      assert.equal(decodeObject(withSpec({ listeners: [{ ...hbone, port }] })).ok, isTaken));

  for (const [count, isTaken] of [
    [63, true],
    [64, true],
    [65, false],
  ] as const)
    it(`with ${count} listeners is ${isTaken ? 'taken' : 'refused'}`, () =>
      assert.equal(decodeObject(withSpec({ listeners: Array(count).fill(hbone) })).ok, isTaken));
});

describe('a GatewayClass', () => {
  const gatewayClass = (spec: object) => ({
    apiVersion: 'gateway.networking.k8s.io/v1beta1',
    kind: 'GatewayClass',
    metadata: { name: 'own' },
    spec,
  });

  it('has its controller, and is in no namespace', () => {
    const { what, object } = taken(gatewayClass({ controllerName: 'istio.io/eastwest-controller' }));
    assert.equal(what, 'GatewayClass own');
    assert.equal(object.metadata.namespace, '');
    assert.ok(object.kind === 'GatewayClass');
    assert.equal(object.controllerName, 'istio.io/eastwest-controller');
  });

  it('without a controller is refused with its field', () => {
    const decoded = decodeObject(gatewayClass({}));
    assert.ok(!decoded.ok);
    assert.equal(decoded.error.field, 'spec.controllerName');
  });
});
