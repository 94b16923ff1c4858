import assert from 'node:assert/strict';
import { clusterConditions } from '@isthmus/cluster-agent/translate/conditions.ts';
import { gatewayReports } from '@isthmus/cluster-agent/translate/gateways.ts';
import { inputOf } from '../../fakes/cluster.ts';

const node = (name: string, zone: string) => `
---
apiVersion: v1
kind: Node
metadata: { name: ${name}, labels: { topology.kubernetes.io/region: region-a, topology.kubernetes.io/zone: ${zone} } }
`;
const pod = (name: string, ip: string, nodeName: string, ready = 'True') => `
---
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: istio-system, labels: { app: gateway } }
spec: { nodeName: ${nodeName}, serviceAccountName: eastwest, containers: [{}] }
status: { podIP: ${ip}, conditions: [{ type: Ready, status: '${ready}' }] }
`;
const service = (name: string, labels = '') => `
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: istio-system, labels: { topology.istio.io/network: network-east${labels} } }
spec: { selector: { app: gateway }, ports: [{ name: hbone, port: 15008 }, { name: tls, port: 15443 }] }
`;
const gateway = (addresses: string, className = 'istio-east-west') => `
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: eastwest, namespace: istio-system, labels: { topology.istio.io/network: network-east } }
spec:
  gatewayClassName: ${className}
  listeners: [{ name: mesh, port: 15008, protocol: HBONE }]
status: { addresses: [${addresses}] }
`;
const address = '{ type: IPAddress, value: 192.0.2.7 }';
const twoPods = `${node('a', 'a-1')}${node('b', 'a-2')}${pod('gw-1', '10.0.0.1', 'a')}${pod('gw-2', '10.0.0.2', 'b', 'False')}`;

const reports = (text: string) =>
  [...gatewayReports(inputOf(text))].map(
    ([name, one]) =>
      `${name} ${one.hbonePort}/${one.passthroughPort} ${one.region}/${one.zone} ${one.ready ? 'ready' : 'not ready'}`,
  );
const reasons = (text: string) =>
  clusterConditions(inputOf(text), 0)
    .filter(({ type }) => type === 'GatewayServed')
    .map(({ object, reason }) => `${reason} ${object}`);

describe('the gateways that a cluster reports', () => {
  const podByPod = [
    'istio-system/eastwest/10.0.0.1 15008/15443 region-a/a-1 ready',
    'istio-system/eastwest/10.0.0.2 15008/15443 region-a/a-2 not ready',
  ];
  const byObject = ['istio-system/eastwest/192.0.2.7 15008/0 region-a/ ready'];
  const table: Record<string, [string, readonly string[]]> = {
    'are the pods of a Service that names its network': [twoPods + service('eastwest'), podByPod],
    'are a Gateway and its Service once, at the addresses of the Gateway': [
      twoPods + service('eastwest') + gateway(address),
      byObject,
    ],
    'are so too where the Service names its Gateway by the label': [
      twoPods + service('other', ', gateway.networking.k8s.io/gateway-name: eastwest') + gateway(address),
      byObject,
    ],
    'are the pods while the Gateway has no address': [twoPods + service('eastwest') + gateway(''), podByPod],
    'are once where the address of the Gateway is that of a pod of another Service': [
      twoPods + service('eastwest') + service('second') + gateway('{ value: 10.0.0.1 }'),
      [
        'istio-system/eastwest/10.0.0.1 15008/0 region-a/ ready',
        'istio-system/second/10.0.0.2 15008/15443 region-a/a-2 not ready',
      ],
    ],
    'are not a Gateway that describes one of another cluster': [
      twoPods + service('eastwest') + gateway(address, 'istio-remote'),
      podByPod,
    ],
    'are not a Gateway of a class whose controller is another': [
      `${twoPods}${service('eastwest')}${gateway(address)}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: istio-east-west }
spec: { controllerName: example.com/other }
`,
      podByPod,
    ],
    'are also a Gateway of another class of the controller': [
      `${twoPods}${service('eastwest')}${gateway(address, 'own')}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: own }
spec: { controllerName: istio.io/eastwest-controller }
`,
      byObject,
    ],
    'are none for a Gateway without a pod': [gateway(address), []],
  };
  for (const [name, [text, expected]] of Object.entries(table))
    it(name, () => assert.deepEqual(reports(text), expected));

  it('have the identity of the pods behind them', () => {
    const [found] = gatewayReports(inputOf(twoPods + service('eastwest') + gateway(address))).values();
    assert.equal(found?.spiffeId, 'spiffe://cluster.local/ns/istio-system/sa/eastwest');
  });

  it('are missed where a Gateway has no pod, in a condition that names it', () => {
    assert.deepEqual(reasons(gateway(address)), ['GATEWAY_WITHOUT_PODS Gateway istio-system/eastwest']);
    assert.deepEqual(reasons(twoPods + service('eastwest') + gateway(address)), []);
  });
});
