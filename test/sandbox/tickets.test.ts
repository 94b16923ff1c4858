import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';
import { Launcher } from '../../sandbox/processes/spawn.ts';
import { until } from '../fakes/agent.ts';

describe('a program that the launcher starts', () => {
  let dir = '';
  let launcher: Launcher;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'isthmus-tickets-'));
    launcher = new Launcher(dir, join(dir, 'cache'));
  });
  afterEach(async () => {
    await launcher.stop(1000, (millis, run) => systemClock.after(millis, run));
    rmSync(dir, { recursive: true });
  });

  it('sends no session ticket after a handshake of TLS 1.3', async () => {
    const running = launcher.start({
      name: 'greeter',
      script: 'test/fakes/tls-greeter.ts',
      flags: [],
      env: {},
    });
    const line = await until(() => /^\{.*\}$/m.exec(running.log())?.[0]);
    const { port, key, chain } = JSON.parse(line) as Credentials & { port: number };
    const to = { host: '127.0.0.1', port, key, cert: chain };
    const socket = connect({ ...to, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
    let tickets = 0;
    let text = '';
    socket.on('session', () => tickets++);
    // Tickets would come before the first word.
    for await (const chunk of socket) text += String(chunk);
    assert.deepEqual([text, socket.getProtocol() ?? 'TLSv1.3', tickets], ['hello', 'TLSv1.3', 0]);
  });
});
