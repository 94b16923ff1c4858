import assert from 'node:assert/strict';
import { remotePorts } from '@isthmus/cluster-agent/translate/remote-ports.ts';
import { aRemote } from '../../fakes/cluster.ts';
import { someProperties } from '../../fakes/global-properties.ts';

const port = (name: string, number: number, targetPort = number) => ({
  name,
  port: number,
  targetPort,
  appProtocol: '',
});
const remote = (cluster: string, exportedAt: number, ...ports: ReturnType<typeof port>[]) =>
  aRemote({ name: 'cart', cluster, ports, properties: someProperties({ exportedAt }) });

describe('ports of a service that only other clusters have', () => {
  it('are those of all exports, with the target of the oldest where each has the port', () => {
    const [north, west] = [
      remote('north', 2000, port('http', 80, 8081)),
      remote('west', 1000, port('http', 80, 8080)),
    ];
    assert.deepEqual(remotePorts([north, west]), [{ servicePort: 80, targetPort: 8080 }]);
  });

  it('are without a target where not each export has the port', () => {
    const [north, west] = [remote('north', 2000, port('grpc', 90)), remote('west', 1000, port('http', 80))];
    assert.deepEqual(remotePorts([north, west]), [
      { servicePort: 80, targetPort: 0 },
      { servicePort: 90, targetPort: 0 },
    ]);
  });

  it('are those of the older export where two have one name', () => {
    const [north, west] = [remote('north', 2000, port('http', 81)), remote('west', 1000, port('http', 80))];
    assert.deepEqual(remotePorts([north, west]), [{ servicePort: 80, targetPort: 0 }]);
  });

  it('have none that the mesh does not carry', () => {
    const dns = { name: 'dns', port: 53, protocol: 'UDP' as const, appProtocol: '' };
    const properties = someProperties({ otherPorts: [dns] });
    assert.deepEqual(remotePorts([aRemote({ name: 'cart', properties, ports: [] })]), []);
  });
});
