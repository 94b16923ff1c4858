import assert from 'node:assert/strict';
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import {
  AddressSchema,
  LoadBalancing_Scope,
  type ServiceSchema,
  type WorkloadSchema,
} from '@isthmus/api/gen/upstream/workload_pb.js';
import { AuthorizationSchema } from '@isthmus/api/gen/upstream/authorization_pb.js';
import { IntermediateSchema, TrustBundleSchema } from '@isthmus/api/gen/isthmus/mesh_pb.js';
import { decodeAddress } from '@isthmus/api/wire/address.ts';
import { decodeAuthorization } from '@isthmus/api/wire/authorization.ts';
import { decodeIntermediate, decodeTrustBundle } from '@isthmus/api/wire/trust.ts';

type WireWorkload = MessageInitShape<typeof WorkloadSchema>;
type WireService = MessageInitShape<typeof ServiceSchema>;

const ofWorkload = (value: WireWorkload) =>
  decodeAddress(toBinary(AddressSchema, create(AddressSchema, { type: { case: 'workload', value } })));
const ofService = (value: WireService) =>
  decodeAddress(toBinary(AddressSchema, create(AddressSchema, { type: { case: 'service', value } })));

const foreign = {
  name: 'isthmus.io/workload',
  config: { typeUrl: 'type.googleapis.com/x.Y', value: new Uint8Array() },
};
const broken = {
  name: 'isthmus.io/workload',
  config: { typeUrl: 'type.googleapis.com/isthmus.mesh.v1.WorkloadExtension', value: Uint8Array.of(255) },
};

const workloads: Record<string, [WireWorkload, RegExp]> = {
  'no uid': [{}, /^uid: is missing/],
  'an address of 3 bytes': [
    { uid: 'u', addresses: [new Uint8Array(3)] },
    /^addresses\[0\]: .* 4 or 16 bytes, not 3/,
  ],
  'the second address': [{ uid: 'u', addresses: [new Uint8Array(4), new Uint8Array(17)] }, /^addresses\[1\]/],
  'an unknown tunnel': [{ uid: 'u', tunnelProtocol: 9 as never }, /^tunnel_protocol: 9/],
  'the legacy tunnel': [{ uid: 'u', tunnelProtocol: 2 as never }, /^tunnel_protocol: 2/],
  'an unknown status': [{ uid: 'u', status: 2 as never }, /^status: 2/],
  'an unknown type': [{ uid: 'u', workloadType: 4 as never }, /^workload_type: 4/],
  'an unknown network mode': [{ uid: 'u', networkMode: 2 as never }, /^network_mode: 2/],
  'a service that is not a key': [{ uid: 'u', services: { 'a/b/c': {} } }, /^services\[a\/b\/c\]/],
  'a port out of range': [
    { uid: 'u', services: { 'a/b': { ports: [{ servicePort: 65_536 }] } } },
    /service_port: 65536/,
  ],
  'a gateway that is nowhere': [
    { uid: 'u', networkGateway: { hboneMtlsPort: 15_008 } },
    /^network_gateway: has neither/,
  ],
  'a gateway with a bad address': [
    { uid: 'u', waypoint: { destination: { case: 'address', value: { address: new Uint8Array(5) } } } },
    /^waypoint\.address/,
  ],
  'an extension of another type': [{ uid: 'u', extensions: [foreign] }, /^extensions\[0\]: holds no isthmus/],
  'an extension that is none': [{ uid: 'u', extensions: [broken] }, /^extensions\[0\]: is not a isthmus/],
};

const services: Record<string, [WireService, RegExp]> = {
  'no hostname': [{ namespace: 'a' }, /^hostname: is missing/],
  'no namespace': [{ hostname: 'a' }, /^namespace: is missing/],
  'port 0': [{ namespace: 'a', hostname: 'b', ports: [{ servicePort: 0 }] }, /^ports\[0\]\.service_port: 0/],
  'a prefix too long': [
    { namespace: 'a', hostname: 'b', addresses: [{ address: new Uint8Array(4), length: 33 }] },
    /^addresses\[0\]\.length: 33/,
  ],
  'the scope that is none': [
    {
      namespace: 'a',
      hostname: 'b',
      loadBalancing: { routingPreference: [LoadBalancing_Scope.UNSPECIFIED_SCOPE] },
    },
    /^load_balancing\.routing_preference\[0\]/,
  ],
  'an unknown mode': [
    { namespace: 'a', hostname: 'b', loadBalancing: { mode: 7 as never } },
    /^load_balancing\.mode: 7/,
  ],
  'unknown families': [{ namespace: 'a', hostname: 'b', ipFamilies: 4 as never }, /^ip_families/],
};

describe('decoders refuse, and name the field', () => {
  for (const [name, [wire, error]] of Object.entries(workloads))
    it(`a workload with ${name}`, () => assert.match(errorOf(ofWorkload(wire)), error));
  for (const [name, [wire, error]] of Object.entries(services))
    it(`a service with ${name}`, () => assert.match(errorOf(ofService(wire)), error));

  it('an address that is neither', () =>
    assert.match(errorOf(decodeAddress(new Uint8Array())), /^type: is neither/));

  it('bytes that are none', () =>
    assert.match(errorOf(decodeAddress(Uint8Array.of(10, 99))), /^not a istio.workload/));

  it('a string match of no known kind, as leaving it out would widen the rule', () => {
    const groups = [{ rules: [{ matches: [{ principals: [{}] }] }] }];
    const bytes = toBinary(AuthorizationSchema, create(AuthorizationSchema, { name: 'x', groups }));
    assert.match(
      errorOf(decodeAuthorization('a/x', bytes)),
      /^groups\[0\]\.rules\[0\]\.matches\[0\]\.principals\[0\]/,
    );
  });

  it('an unknown action', () => {
    const bytes = toBinary(
      AuthorizationSchema,
      create(AuthorizationSchema, { name: 'x', action: 3 as never }),
    );
    assert.match(errorOf(decodeAuthorization('a/x', bytes)), /^action: 3/);
  });

  it('a bundle without roots, or with one that is not a certificate', () => {
    const bundle = (roots: Uint8Array[]) =>
      decodeTrustBundle(
        toBinary(TrustBundleSchema, create(TrustBundleSchema, { trustDomain: 'a.b', roots })),
      );
    assert.match(errorOf(bundle([])), /^roots: is missing/);
    assert.match(errorOf(bundle([Uint8Array.of(1)])), /^roots\[0\]: is not a DER/);
  });

  it('an intermediate without a certificate', () => {
    const message = create(IntermediateSchema, { keyId: 'a', trustDomain: 'a.b', cluster: 'east' });
    assert.match(
      errorOf(decodeIntermediate(toBinary(IntermediateSchema, message))),
      /^certificate: is not a DER/,
    );
  });
});

describe('decoders fill in what is left unsaid', () => {
  it('as the workload API says', () => {
    const decoded = ofWorkload({ uid: 'u' });
    assert.ok(decoded.ok && decoded.value.kind === 'workload');
    const { trustDomain, serviceAccount, capacity, cluster, transport } = decoded.value.workload;
    assert.deepEqual(
      [trustDomain, serviceAccount, capacity, cluster, transport],
      ['cluster.local', 'default', 1, 'Kubernetes', 'plaintext'],
    );
  });

  it('a trust domain that is none is refused by name, as its certificates could never be judged', () => {
    assert.match(
      errorOf(ofWorkload({ uid: 'u', trustDomain: 'Not.One' })),
      /^trust_domain: a trust domain has/,
    );
    assert.ok(ofWorkload({ uid: 'u', trustDomain: 'corp.example' }).ok);
  });

  it('IPv4 inside IPv6 is written as IPv4, and so is its prefix', () => {
    const address = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 1, 0, 0);
    const decoded = ofService({
      namespace: 'a',
      hostname: 'b',
      addresses: [{ address }, { address, length: 112 }],
    });
    assert.ok(decoded.ok && decoded.value.kind === 'service');
    assert.deepEqual(
      decoded.value.service.addresses.map((one) => [one.address, one.prefix]),
      [
        ['10.1.0.0', undefined],
        ['10.1.0.0', 16],
      ],
    );
  });

  it('an unknown visibility is public', () => {
    const decoded = ofService({ namespace: 'a', hostname: 'b', visibility: 9 as never });
    assert.ok(decoded.ok && decoded.value.kind === 'service');
    assert.equal(decoded.value.service.visibility, 'PUBLIC');
  });
});

const errorOf = (result: { ok: boolean; error?: string }): string =>
  result.ok ? 'accepted' : (result.error ?? '');
