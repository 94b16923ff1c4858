import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** Writes the address of each module that is loaded to standard error. */
const noting = `data:text/javascript,${encodeURIComponent(
  `import { registerHooks } from 'node:module';
   registerHooks({ load(url, context, next) { process.stderr.write('loaded ' + url + '\\n'); return next(url, context); } });`,
)}`;

describe('an agent that is started', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'isthmus-loaded-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  /** Modules that speak to Kubernetes, of those that the agent has loaded. It ends as it has no token to join by. */
  function ofKubernetes(flags: readonly string[], reason: RegExp): readonly string[] {
    const all = ['--cluster', 'east', '--state-dir', join(dir, 'state'), '--xds-listen', '127.0.0.1:15012'];
    const program = join(root, 'cluster-agent/main.ts');
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--no-warnings', '--import', noting, program, ...all, ...flags],
      { encoding: 'utf8', timeout: 20_000 },
    );
    assert.match(stdout + stderr, reason);
    const loaded = stderr.split('\n').filter((line) => line.startsWith('loaded '));
    assert.ok(loaded.some((line) => line.endsWith('cluster-agent/main.ts')));
    return loaded.filter((line) => /@kubernetes|api\/kube\/client\.ts|source\/kubernetes\//.test(line));
  }

  it('on files loads nothing that speaks to Kubernetes', () => {
    const files = ['--manifests', dir, '--addresses', '127.243.16.0/20'];
    assert.deepEqual(ofKubernetes(files, /has not joined/), []);
  });

  it('in Kubernetes loads it', () => {
    const missing = ['--kubernetes', join(dir, 'kubeconfig')];
    assert.ok(ofKubernetes(missing, /kubeconfig cannot be read/).length > 0);
  });
});
