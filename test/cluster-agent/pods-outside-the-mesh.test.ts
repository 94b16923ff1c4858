import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Allocations } from '@isthmus/cluster-agent/source/files/allocations.ts';
import { askFrom } from '@isthmus/cluster-agent/source/files/ask.ts';
import { filesSource } from '@isthmus/cluster-agent/source/files/files-source.ts';
import { Folder } from '@isthmus/cluster-agent/source/files/folder.ts';
import { LastGood } from '@isthmus/cluster-agent/source/files/last-good.ts';
import { StateFile } from '@isthmus/cluster-agent/state/state-file.ts';
import { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import { routeTo } from '@isthmus/mesh/decide/route-to.ts';
import { BoundDialer } from '@isthmus/mesh/net/node/bound-dial.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { claimBlock, type Claim } from '@isthmus/sandbox/instance/claim.ts';
import { FakeClock } from '../fakes/clock.ts';
import { inputOf, translate } from '../fakes/cluster.ts';
import { seededRandom } from '../fakes/random.ts';
import { Signal } from '../fakes/xds-world.ts';
import { MemoryJournal } from '../fakes/memory-journal.ts';

const port = 7000;
const manifests = (octet: number) => `
apiVersion: v1
kind: Node
metadata: { name: n1 }
status: { addresses: [{ type: InternalIP, address: 127.${octet}.31.1 }] }
---
apiVersion: v1
kind: Namespace
metadata: { name: mesh, labels: { istio.io/dataplane-mode: ambient } }
---
apiVersion: v1
kind: Pod
metadata: { name: client, namespace: mesh }
spec: { nodeName: n1, containers: [{ name: c }] }
---
apiVersion: v1
kind: Pod
metadata: { name: loner, namespace: outside, labels: { app: loner } }
spec: { nodeName: n1, containers: [{ name: c, ports: [{ containerPort: ${port} }] }] }
---
apiVersion: v1
kind: Pod
metadata: { name: host, namespace: mesh, labels: { app: host } }
spec: { nodeName: n1, hostNetwork: true, containers: [{ name: c, ports: [{ containerPort: ${port} }] }] }
`;

describe('a pod outside the mesh, and a pod of the host’s network', () => {
  let claim: Claim;
  let folder: string;
  let stop: AbortController;
  const servers: Server[] = [];
  before(async () => {
    claim = await claimBlock({ first: 150, table: () => [] });
  });
  after(() => claim.release());
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'isthmus-outside-'));
    stop = new AbortController();
  });
  afterEach(() => {
    stop.abort();
    for (const server of servers.splice(0)) server.close();
    rmSync(folder, { recursive: true });
  });

  const listen = async (address: string) => {
    const server = createServer((socket) => socket.on('error', () => undefined).end(`at ${address}`));
    servers.push(server);
    server.listen(port, address);
    await once(server, 'listening');
  };

  /** The cluster of these files, whose pods are asked as they are in a sandbox. */
  async function run() {
    const clock = new FakeClock();
    const view = new ClusterView();
    const changed = new Signal();
    const file = (name: string) => new StateFile(join(folder, name), silentLog);
    writeFileSync(join(folder, 'a.yaml'), manifests(claim.octet));
    const source = filesSource({
      folder: new Folder(folder, new LastGood(new MemoryJournal(), file('good.json')), silentLog),
      allocations: new Allocations({
        file: file('a.json'),
        block: `127.${claim.octet}.16.0/20`,
        clock,
        log: silentLog,
      }),
      ask: askFrom(`127.${claim.octet}.16.1`, new BoundDialer(clock, seededRandom(1)), clock),
      clock,
    });
    void source.run((batch) => {
      view.apply(batch);
      changed.ring();
    }, stop.signal);
    await clock.advance(60);
    await changed.until(() => view.synced);
    const input = { ...inputOf(''), view };
    const workload = (name: string): Workload => {
      const found = [...translate(input).workloads.values()].find((one) => one.name === name);
      assert.ok(found, name);
      return found;
    };
    const become = async (name: string, status: Workload['status']) => {
      for (let seconds = 0; seconds < 3 && workload(name).status !== status; seconds++) {
        const before = view.podNamed(name === 'host' ? 'mesh/host' : 'outside/loner');
        await clock.advance(1000);
        await changed.until(() => view.podNamed(name === 'host' ? 'mesh/host' : 'outside/loner') !== before);
      }
      assert.equal(workload(name).status, status);
    };
    return { workload, become };
  }

  const heardAt = async (address: string, at: number): Promise<string> => {
    const socket = connect(at, address);
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    return bytes.toString();
  };

  for (const name of ['loner', 'host'])
    it(`${name}: healthy only once it listens at the address at which it is called, and reached there`, async () => {
      const { workload, become } = await run();
      const [address = ''] = workload(name).addresses;
      if (name === 'host') assert.equal(address, `127.${claim.octet}.31.1`);
      assert.equal(workload(name).status, 'UNHEALTHY');
      assert.equal(workload(name).transport, 'plaintext');
      await listen(address);
      await become(name, 'HEALTHY');
      const wanted = { kind: 'pod' as const, address, targetPort: port };
      const route = routeTo(new MeshState(), workload('client'), workload(name), wanted, seededRandom(1));
      assert.ok(route.ok && route.value.kind === 'plaintext');
      assert.equal(await heardAt(route.value.address, route.value.port), `at ${address}`);
      for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
      await become(name, 'UNHEALTHY');
    });
});
