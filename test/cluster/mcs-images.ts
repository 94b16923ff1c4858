import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterTool } from './tool.ts';

/** Images that the pods of the MCS conformance suite name. Nodes that reach no registry have stand-ins. */
const images = ['docker.io/alpine/socat:1.7.4.4', 'docker.io/nicolaka/netshoot:v0.15'];

/**
 * Archives of images under these names, in which the suite's pods run. They serve nothing: its tests of DNS and of traffic need
 * the true ones. `base`: a root file system with a shell. `folder`: an empty one.
 */
export async function standInImages(
  tool: ClusterTool,
  base: string,
  folder: string,
): Promise<readonly string[]> {
  const programs = join(folder, 'programs');
  mkdirSync(programs, { recursive: true });
  const socat = join(programs, 'socat');
  writeFileSync(socat, '#!/bin/sh\ntrap "exit 0" TERM\nwhile :; do sleep 1; done\n');
  chmodSync(socat, 0o755);
  return Promise.all(
    images.map((name) =>
      // Commands of the pods stand after the entry point.
      tool.run(['image', name, base, `${programs}=/usr/local/bin`, '--', '/usr/bin/env']),
    ),
  );
}
