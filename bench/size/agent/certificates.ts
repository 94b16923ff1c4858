import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createCsr } from '@isthmus/mesh/pki/csr.ts';
import { generateKey } from '@isthmus/mesh/pki/key.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { CaClient } from '@isthmus/ztunnel/identity/ca-client.ts';
import { plainConfig } from '../../../test/fakes/proxy-mesh.ts';
import { namespaceOf, nodeOfService, proxyPod, serviceName } from './cluster.ts';
import type { At } from './streams.ts';

/** The proxy of each node asks for the certificates of its pods, one after another, until it has them. */
export async function certifyAll({ tokens, root, xds }: At, nodes: number, services: number): Promise<void> {
  const all = Array.from({ length: services }, (_, service) => service);
  await Promise.all(
    Array.from({ length: nodes }, async (_, node) => {
      const tokenFile = join(tokens, proxyPod(node), 'token');
      const at = { caAddress: `https://${xds}`, caRootCa: root, tokenFile };
      const ca = new CaClient(
        { ...plainConfig, ...at, cluster: 'east', network: 'network-east' },
        systemClock,
      );
      for (const service of all.filter((one) => nodeOfService(one, nodes) === node))
        await certify(ca, `spiffe://cluster.local/ns/${namespaceOf(service)}/sa/${serviceName(service)}`);
    }),
  );
}

async function certify(ca: CaClient, identity: string): Promise<void> {
  for (let tries = 0; ; tries++)
    try {
      await ca.request(identity, createCsr(generateKey(), identity));
      return;
    } catch (error) {
      // The cluster's intermediate becomes active some seconds after the start.
      if (tries === 100) throw error;
      await pause(200);
    }
}
