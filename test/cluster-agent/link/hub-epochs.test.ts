import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { Certificates } from '@isthmus/api/grpc/certificates.ts';
import { GrpcListener } from '@isthmus/api/grpc/listener.ts';
import { serverOptions } from '@isthmus/api/grpc/options.ts';
import { epochHeader, linkService } from '@isthmus/api/grpc/services.ts';
import { downTypes, type SyncMessage } from '@isthmus/api/wire/link.ts';
import { HubEpochs } from '@isthmus/cluster-agent/link/hub-epochs.ts';
import { ownEpoch } from '@isthmus/cluster-agent/state/own-epoch.ts';
import { StateFile } from '@isthmus/cluster-agent/state/state-file.ts';
import { LinkCa, mintLinkCa } from '@isthmus/federation/trust/link-ca.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { createCsr } from '@isthmus/mesh/pki/csr.ts';
import { certificatePem } from '@isthmus/mesh/pki/issue.ts';
import { generateKey, privateKeyPem } from '@isthmus/mesh/pki/key.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { silentLog, type Log } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { TestAgent, until } from '../../fakes/agent.ts';
import { aSealing } from '../../fakes/authority.ts';

describe('the highest epoch of a hub', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'isthmus-epochs-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it('is kept per hub id and over restarts: one below is refused, the same and one above are not', () => {
    const epochs = new HubEpochs(dir, silentLog);
    assert.ok(epochs.admit('one', 7n));
    for (const known of [epochs, new HubEpochs(dir, silentLog)]) {
      assert.ok(!known.admit('one', 6n));
      assert.ok(known.admit('one', 7n));
      assert.equal(known.seen('one'), 7n);
      assert.equal(known.seen('other'), 0n);
    }
    assert.ok(epochs.admit('one', 8n) && epochs.admit('other', 1n));
    assert.equal(new HubEpochs(dir, silentLog).seen('one'), 8n);
  });

  it('counts when it cannot be saved, and is saved with the next message', () => {
    const errors: string[] = [];
    const log: Log = { ...silentLog, error: (_fields, message) => errors.push(message) };
    const epochs = new HubEpochs(dir, log);
    mkdirSync(join(dir, 'hub-epochs.json/in-the-way'), { recursive: true });
    assert.ok(epochs.admit('one', 7n) && !epochs.admit('one', 6n));
    assert.deepEqual(errors, ['the epoch of the hub is not saved; it will be tried again']);
    rmSync(join(dir, 'hub-epochs.json'), { recursive: true });
    assert.ok(epochs.admit('one', 7n));
    assert.equal(new HubEpochs(dir, silentLog).seen('one'), 7n);
  });

  it('is set aside when its file is damaged', () => {
    writeFileSync(join(dir, 'hub-epochs.json'), '{"one":"-7"}');
    assert.equal(new HubEpochs(dir, silentLog).seen('one'), 0n);
  });
});

describe('an agent and a hub of a lower epoch that does not know it', () => {
  const ca = LinkCa.open(
    mintLinkCa('test', { ...aSealing, now: Date.now() }),
    aSealing.provider,
    systemClock,
    systemRandom,
  );
  let server: GrpcListener;
  let agent: TestAgent;
  /** What it sends as its epoch, and what agents said when they opened their streams. */
  let epoch = 0n;
  const said: string[] = [];
  let acknowledged = 0;

  beforeEach(async () => {
    said.length = acknowledged = 0;
    server = new GrpcListener({
      certificates: new Certificates(ca.issueServer(['127.0.0.1']), certificatePem(ca.certificate)),
      mutual: true,
      proof: 'first-call',
      server: serverOptions(4),
      clock: systemClock,
      log: silentLog,
    });
    const sync = (call: ServerDuplexStream<SyncMessage, SyncMessage>) => {
      said.push(String(call.metadata.get(epochHeader)[0]));
      for (const type of downTypes) {
        const systemVersion = { epoch, revision: 1n };
        call.write({
          kind: 'response',
          response: {
            type,
            nonce: '1',
            systemVersion,
            resources: [],
            removed: ['shop/deny'],
            complete: true,
          },
        });
      }
      call.on('data', (message: SyncMessage) => {
        if (message.kind === 'request' && message.request.nonce === '1') acknowledged++;
      });
      call.on('end', () => call.end());
    };
    const idle = (call: ServerDuplexStream<unknown, unknown>) =>
      call.on('data', () => undefined).on('end', () => call.end());
    server.addService(linkService, { sync, health: idle, answer: idle });
    const port = await server.listen('127.0.0.1:0', '--link-listen');
    const key = generateKey();
    agent = new TestAgent('east', '127.0.0.1');
    agent.identity = {
      cluster: 'east',
      hubId: 'test',
      trustDomain: defaultTrustDomain,
      endpoints: [`127.0.0.1:${port}`],
      key: privateKeyPem(key.privateKey),
      chain: ca.issueAgent('east', 'm', createCsr(key)).join(''),
      ca: certificatePem(ca.certificate),
    };
  });
  afterEach(() => {
    agent.end();
    return server.close();
  });

  it('takes nothing of it, over new streams and after a restart, and says what it has seen', async () => {
    epoch = 4n;
    agent.connect();
    await until(() => acknowledged === downTypes.length);
    agent.disconnect();
    epoch = 3n;
    for (const streams of [3, 5]) {
      agent.connect();
      await until(() => said.length >= streams);
      agent.disconnect();
    }
    assert.deepEqual(new Set(said.slice(1)), new Set(['4']));
    assert.equal(acknowledged, downTypes.length);
    epoch = 4n;
    agent.connect();
    await until(() => acknowledged === 2 * downTypes.length);
  });
});

describe('the epoch of an agent’s start, for its proxies', () => {
  it('is later than every one before, also when the clock was set back or could not be saved', () => {
    const dir = mkdtempSync(join(tmpdir(), 'isthmus-epochs-'));
    const start = (now: number) =>
      ownEpoch(new StateFile(join(dir, 'epoch.json'), silentLog), now, silentLog);
    assert.equal(start(1_000_000), 1_000_000n);
    assert.equal(start(2_000_000), 2_000_000n);
    assert.equal(start(2_000_000), 2_000_001n);
    assert.equal(start(5), 2_000_002n);
    writeFileSync(join(dir, 'epoch.json'), '{"epoch":');
    assert.equal(start(3_000_000), 3_000_000n);
    rmSync(dir, { recursive: true });
  });
});
