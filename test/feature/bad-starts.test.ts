import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** Programs that are started wrongly end with a status and one sentence that says what to do. */
describe('a program that cannot start', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'isthmus-start-'));
    chmodSync(dir, 0o755);
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const at = (name: string) => join(dir, name);

  interface Started {
    readonly status: number | null;
    readonly said: string;
  }
  function run(script: string, flags: readonly string[], env: NodeJS.ProcessEnv = {}, uid?: number): Started {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--no-warnings', join(root, script), ...flags],
      {
        encoding: 'utf8',
        timeout: 20_000,
        env: { ...process.env, ...env },
        ...(uid === undefined ? {} : { uid }),
      },
    );
    return { status, said: stdout + stderr };
  }
  function refuses({ status, said }: Started, expected: number, sentence: RegExp): void {
    assert.equal(status, expected, said);
    assert.match(said, sentence);
    assert.doesNotMatch(said, /^\s+at /m, 'a stack trace is not a sentence');
    assert.equal(said.trim().split('\n').length, 1, said);
  }

  const hub = (over: readonly string[] = []) => [
    ...['--state-dir', at('hub'), '--link-listen', '127.243.0.1:15101', '--join-listen', '127.243.0.1:15102'],
    ...over,
  ];
  const agent = (over: readonly string[] = []) => [
    ...[
      '--cluster',
      'east',
      '--state-dir',
      at('agent'),
      '--manifests',
      root,
      '--addresses',
      '127.243.16.0/20',
    ],
    ...['--xds-listen', '127.243.16.1:15012', ...over],
  ];
  const proxy = (over: readonly string[] = []) => ['--metrics-address', '127.243.16.2', ...over];

  const badFlags: readonly (readonly [string, string, readonly string[], RegExp])[] = [
    [
      'a store of another kind',
      'federation/main.ts',
      hub(['--store', 'memroy']),
      /--store is sqlite, memory, not 'memroy'; see isthmus-federation --help/,
    ],
    [
      'a trust domain with upper-case letters',
      'federation/main.ts',
      hub(['--trust-domain', 'Corp.example']),
      /--trust-domain 'Corp\.example' is not the name of a trust domain: .* only lower-case letters/,
    ],
    [
      'a hub id that agents’ SPIFFE IDs cannot have',
      'federation/main.ts',
      hub(['--hub-id', 'HUB:1']),
      /--hub-id 'HUB:1' is not the name of a trust domain: .* only lower-case letters/,
    ],
    ['an empty hub id', 'federation/main.ts', hub(['--hub-id', '']), /--hub-id '' is not the name/],
    [
      'an address without a port',
      'federation/main.ts',
      hub(['--api-listen', '127.0.0.1']),
      /--api-listen is HOST:PORT, .* not '127\.0\.0\.1'/,
    ],
    [
      'a port beyond the last',
      'federation/main.ts',
      hub(['--link-listen', '127.0.0.1:65536']),
      /--link-listen is HOST:PORT/,
    ],
    [
      'an epoch that is not a number',
      'federation/main.ts',
      hub(['--epoch-above', 'x']),
      /--epoch-above is a whole number, not 'x'/,
    ],
    ['an empty state folder', 'federation/main.ts', hub(['--state-dir', '']), /--state-dir is required/],
    [
      'a log level that is none',
      'federation/main.ts',
      hub(['--log-level', 'loud']),
      /--log-level is debug, info, warn, error, not 'loud'/,
    ],
    [
      'a log level that is none',
      'cluster-agent/main.ts',
      agent(['--log-level', 'loud']),
      /--log-level is debug/,
    ],
    [
      'an address without a port',
      'cluster-agent/main.ts',
      agent(['--xds-listen', 'here']),
      /--xds-listen is HOST:PORT/,
    ],
    [
      'to run nowhere',
      'cluster-agent/main.ts',
      agent(['--manifests', '']),
      /--manifests or --kubernetes is required; see isthmus-agent --help/,
    ],
    [
      'manifests without addresses',
      'cluster-agent/main.ts',
      agent(['--addresses', '']),
      /--addresses is required with --manifests/,
    ],
    [
      'to run on files and in Kubernetes',
      'cluster-agent/main.ts',
      agent(['--kubernetes', 'in-cluster']),
      /--kubernetes is given in place of --manifests and --addresses/,
    ],
    [
      'a block for services elsewhere that is too small',
      'cluster-agent/main.ts',
      agent([
        ...['--manifests', '', '--addresses', '', '--kubernetes', 'in-cluster'],
        ...['--remote-service-addresses', '240.0.0.0/30'],
      ]),
      /--remote-service-addresses: '240\.0\.0\.0\/30' is not a block of IPv4 addresses between \/8 and \/29/,
    ],
    [
      'an account that is none',
      'cluster-agent/main.ts',
      agent(['--node-proxy-account', 'istio-system/ztunnel,ztunnel']),
      /--node-proxy-account: 'ztunnel' is not the NAMESPACE\/NAME of a service account/,
    ],
    ['a log level that is none', 'ztunnel/main.ts', proxy(['--log-level', 'loud']), /--log-level is debug/],
    ['no environment', 'ztunnel/main.ts', proxy(), /the environment variable XDS_ADDRESS is required/],
    ['a mode that is none', 'ztunnel/main.ts', proxy(['--mode', 'waypoint']), /--mode is /],
    ['a flag that is unknown', 'sidecar/main.ts', proxy(['--nope']), /Unknown option '--nope'/],
    ['a flag that is unknown', 'sandbox/main.ts', ['--nope'], /Unknown option '--nope'/],
    ['a flag that is unknown', 'sandbox/tour/main.ts', ['--nope'], /Unknown option '--nope'/],
    [
      'an instance that is not a name',
      'cli/main.ts',
      ['up', '--instance', '../x'],
      /Give 1 to 63 lower-case letters/,
    ],
  ];
  for (const [what, script, flags, sentence] of badFlags)
    it(`${script} refuses ${what}, with status 2`, () => {
      const { status, said } = run(script, flags, { XDG_STATE_HOME: dir });
      assert.equal(status, 2, said);
      assert.match(said, sentence);
      assert.doesNotMatch(said, /^\s+at /m);
    });

  it('says what is wrong with a file that it needs', () => {
    refuses(
      run('cluster-agent/main.ts', agent(['--join-token-file', at('none')])),
      1,
      /none cannot be read \(ENOENT\): it does not exist/,
    );
    mkdirSync(at('agent'), { recursive: true });
    writeFileSync(at('agent/sealing-key'), Buffer.alloc(32), { mode: 0o600 });
    writeFileSync(at('agent/link.json'), '{');
    refuses(
      run('cluster-agent/main.ts', agent()),
      1,
      /link\.json is damaged: restore it from a backup, or remove it and join again/,
    );
    writeFileSync(at('hub'), '');
    refuses(
      run('federation/main.ts', hub()),
      1,
      /hub cannot be used as state folder \(EEXIST\): it is a file/,
    );
  });

  it('says what is wrong with an address or a time scale', () => {
    refuses(
      run('federation/main.ts', hub(['--api-listen', '192.0.2.1:8080', '--api-plaintext'])),
      1,
      /cannot listen on 192\.0\.2\.1:8080: EADDRNOTAVAIL: this machine has no such address.*--api-listen/,
    );
    refuses(
      run('sandbox/tour/main.ts', [], { ISTHMUS_TIME_SCALE: 'slow', XDG_STATE_HOME: dir }),
      1,
      /ISTHMUS_TIME_SCALE is 'slow'/,
    );
  });

  it('says which port is taken', async () => {
    const taken = createServer().listen(15_101, '127.243.0.1');
    await once(taken, 'listening');
    const child = spawn(process.execPath, ['--no-warnings', join(root, 'federation/main.ts'), ...hub()]);
    let said = '';
    child.stdout.on('data', (text: Buffer) => (said += text.toString()));
    const [status] = (await once(child, 'exit')) as [number];
    taken.close();
    refuses(
      { status, said },
      1,
      /cannot listen on 127\.243\.0\.1:15101: EADDRINUSE: another process listens there.*--link-listen/,
    );
  });

  it('says that its state folder is not writable', function () {
    const uid = process.getuid?.() === 0 ? 65_534 : undefined;
    // The programs must be readable for the user that they run as.
    if (uid !== undefined && run('cli/main.ts', ['--version'], {}, uid).status !== 0) {
      console.warn('      DID NOT RUN: this checkout cannot be read by a user who is not root');
      this.skip();
    }
    chmodSync(dir, 0o555);
    const remedy = /\(EACCES\): give this user access/;
    refuses(run('federation/main.ts', hub(), {}, uid), 1, remedy);
    refuses(run('cluster-agent/main.ts', agent(), {}, uid), 1, remedy);
    refuses(run('sandbox/main.ts', [], { XDG_STATE_HOME: at('home') }, uid), 1, remedy);
    chmodSync(dir, 0o755);
  });
});
