import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { saveLinkIdentity, type LinkIdentity } from '@isthmus/cluster-agent/link/identity.ts';
import { takenFiles } from '@isthmus/cluster-agent/link/taken-files.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';

const identity: LinkIdentity = {
  cluster: 'east',
  hubId: 'hub',
  trustDomain: defaultTrustDomain,
  endpoints: ['127.0.0.1:1'],
  key: 'renewed key',
  chain: 'renewed chain',
  ca: 'ca',
};

describe('files that another replica of an agent has written', () => {
  let stateDir = '';
  let calls: string[];
  let damaged: string[];
  beforeEach(() => {
    stateDir = mkdtempSync(join(tmpdir(), 'isthmus-taken-'));
    calls = [];
    damaged = [];
  });
  afterEach(() => rmSync(stateDir, { recursive: true }));

  const take = (...files: readonly string[]) =>
    takenFiles({
      stateDir,
      random: systemRandom,
      log: { ...silentLog, error: (_fields: object, message: string) => void damaged.push(message) },
      hub: { activations: new Map([['k1', {}]]) as never },
      issuer: {
        currentKeyId: 'k1',
        reload: () => void calls.push('issuer.reload'),
        activate: (keyIds) => calls.push(`issuer.activate ${[...keyIds].join()}`) > 0,
      },
      link: { take: ({ key, chain }) => void calls.push(`link.take ${key}, ${chain}`) },
      renewals: { take: ({ chain }) => void calls.push(`renewals.take ${chain}`) },
      arm: () => void calls.push('arm'),
    })(files);

  it('are used at once: the intermediate, which the hub may have let sign already, and the link’s certificate', () => {
    saveLinkIdentity(stateDir, identity, systemRandom);
    take('intermediate.json', 'link.json');
    assert.deepEqual(calls, [
      'issuer.reload',
      'issuer.activate k1',
      'link.take renewed key, renewed chain',
      'renewals.take renewed chain',
      'arm',
    ]);
  });

  it('that are neither change nothing', () => {
    take('hub-epochs.json');
    assert.deepEqual(calls, ['arm']);
  });

  it('and cannot be read leave what there is', () => {
    writeFileSync(join(stateDir, 'link.json'), '{');
    take('link.json');
    assert.deepEqual(calls, []);
    assert.deepEqual(damaged, ['state of another replica cannot be taken']);
  });
});
