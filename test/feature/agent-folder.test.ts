import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAgent } from '@isthmus/cluster-agent/start.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { lockFolder } from '@isthmus/mesh/process/folder-lock.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';

describe('the state folder of an agent', () => {
  let stateDir = '';
  beforeEach(() => {
    stateDir = mkdtempSync(join(tmpdir(), 'isthmus-agent-'));
  });
  afterEach(() => rmSync(stateDir, { recursive: true }));

  const start = () =>
    startAgent(
      {
        cluster: 'east',
        stateDir,
        runtime: {
          kind: 'files',
          manifests: stateDir,
          addresses: '127.245.16.0/20',
          localAddress: '127.245.16.1',
          tryBind: () => Promise.resolve(undefined),
        },
        xdsHost: '127.245.16.1',
        xdsPort: 15_012,
        localAddress: '127.245.16.1',
        tokenFile: undefined,
        trustDomain: defaultTrustDomain,
        clock: systemClock,
        random: systemRandom,
        log: silentLog,
      },
      new AbortController().signal,
    );

  it('belongs to one agent: a second one names the first one’s pid, and changes nothing', async () => {
    const lock = lockFolder(stateDir, 'isthmus-agent');
    const before = readdirSync(stateDir);
    await assert.rejects(start(), {
      code: 'FOLDER_IN_USE',
      message: new RegExp(`in use by process ${process.pid} \\(isthmus-agent\\)`),
    });
    assert.deepEqual(readdirSync(stateDir), before);
    lock.release();
  });

  for (const name of ['link.json', 'joining-key', 'intermediate.json', 'xds-serving.json', 'token-key'])
    it(`gets no new sealing key beside ${name}, which the old one has sealed`, async () => {
      writeFileSync(join(stateDir, name), '{}');
      const message = new RegExp(
        `sealing-key is missing, and ${name} cannot be opened without it: restore it`,
      );
      await assert.rejects(start(), { code: 'SEALING_KEY', message });
      assert.ok(!readdirSync(stateDir).includes('sealing-key'));
      // The folder is free again.
      lockFolder(stateDir, 'test').release();
    });
});
