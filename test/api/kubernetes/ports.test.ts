import assert from 'node:assert/strict';
import { decodeObject } from '@isthmus/api/kubernetes/decode.ts';

const object = (apiVersion: string, kind: string, spec: object) => ({
  apiVersion,
  kind,
  metadata: { name: 'a', namespace: 'shop' },
  spec,
});
const policy = (spec: object) => object('security.istio.io/v1', 'AuthorizationPolicy', spec);
const container = (own: object) => object('v1', 'Pod', { containers: [{ name: 'c', ...own }] });

/** Every place where the port of an object may be text. */
const places: Record<string, readonly [field: string, of: (port: string) => object]> = {
  'ports of a policy': [
    'spec.rules[0].to[0].operation.ports[0]',
    (port) => policy({ action: 'DENY', rules: [{ to: [{ operation: { ports: [port] } }] }] }),
  ],
  'notPorts of a policy': [
    'spec.rules[0].to[0].operation.notPorts[0]',
    (port) => policy({ action: 'DENY', rules: [{ to: [{ operation: { notPorts: [port] } }] }] }),
  ],
  'a condition on the port': [
    'spec.rules[0].when[0].values[0]',
    (port) => policy({ action: 'DENY', rules: [{ when: [{ key: 'destination.port', values: [port] }] }] }),
  ],
  portLevelMtls: [
    'spec.portLevelMtls.PORT',
    (port) =>
      object('security.istio.io/v1', 'PeerAuthentication', {
        selector: { matchLabels: { app: 'a' } },
        portLevelMtls: { [port]: { mode: 'STRICT' } },
      }),
  ],
};

const names: Record<string, readonly [field: string, of: (name: string) => object]> = {
  targetPort: [
    'spec.ports[0].targetPort',
    (targetPort) => object('v1', 'Service', { ports: [{ port: 80, targetPort }] }),
  ],
  'the name of a container port': [
    'spec.containers[0].ports[0].name',
    (name) => container({ ports: [{ name, containerPort: 80 }] }),
  ],
  'the port of an HTTP probe': [
    'spec.containers[0].readinessProbe.httpGet.port',
    (port) => container({ readinessProbe: { httpGet: { port } } }),
  ],
  'the port of a TCP probe': [
    'spec.containers[0].readinessProbe.tcpSocket.port',
    (port) => container({ readinessProbe: { tcpSocket: { port } } }),
  ],
};

const refusal = (foreign: object) => {
  const decoded = decodeObject(foreign);
  return decoded.ok ? undefined : decoded.error;
};

describe('a port that is written as text', () => {
  for (const [what, [field, of]] of Object.entries(places)) {
    for (const port of ['1', '8081', '65535'])
      it(`is taken in ${what}: ${port}`, () => assert.equal(refusal(of(port)), undefined));
    for (const port of ['08081', '0', '65536', '0x50', '+80', '8e3', ' 80'])
      it(`is refused in ${what}, by its field: ${JSON.stringify(port)}`, () => {
        const error = refusal(of(port));
        assert.deepEqual([error?.code, error?.field], ['INVALID_FIELD', field.replace('PORT', port)]);
        assert.match(
          error?.message ?? '',
          /is not a port: write 1 to 65535 in decimal digits, without a leading zero/,
        );
      });
  }

  for (const [what, [field, of]] of Object.entries(names)) {
    it(`may be a name in ${what}`, () => assert.equal(refusal(of('web-1')), undefined));
    for (const name of ['08081', '8081', '0'])
      it(`is refused in ${what}, where it would be a name of digits alone: "${name}"`, () => {
        const error = refusal(of(name));
        assert.deepEqual([error?.code, error?.field], ['INVALID_FIELD', field]);
        assert.match(error?.message ?? '', /must have a letter.*without quotes/);
      });
  }
});
