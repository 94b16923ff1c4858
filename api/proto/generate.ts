import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Generates api/gen from the .proto files here. With --check it generates beside and compares instead.
const proto = import.meta.dirname;
const root = join(proto, '../..');
const gen = join(proto, '../gen');

function generateInto(out: string): void {
  const template = JSON.stringify({
    version: 'v2',
    plugins: [
      {
        local: join(root, 'node_modules/.bin/protoc-gen-es'),
        out,
        opt: ['target=js+dts', 'import_extension=js'],
      },
    ],
  });
  execFileSync(join(root, 'node_modules/.bin/buf'), ['generate', '--template', template], {
    cwd: proto,
    stdio: 'inherit',
  });
}

function listing(dir: string): Map<string, string> {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files
      .map((file) => join(file.parentPath, file.name))
      .sort()
      .map((path) => [path.slice(dir.length), readFileSync(path, 'utf8')]),
  );
}

const scratch = mkdtempSync(join(tmpdir(), 'isthmus-gen-'));
generateInto(scratch);
if (process.argv.includes('--check')) {
  const [want, have] = [listing(scratch), listing(gen)];
  const stale = [...new Set([...want.keys(), ...have.keys()])].filter(
    (path) => want.get(path) !== have.get(path),
  );
  if (stale.length > 0) {
    console.error(
      `api/gen differs from api/proto: ${stale.join(', ')}. Run npm run generate and commit the result.`,
    );
    process.exitCode = 1;
  }
} else {
  rmSync(gen, { recursive: true, force: true });
  cpSync(scratch, gen, { recursive: true });
}
rmSync(scratch, { recursive: true });
