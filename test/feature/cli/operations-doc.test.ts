import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startTestFederation, type TestFederation } from '../../fakes/two-clusters.ts';

const root = join(import.meta.dirname, '../../..');
const text = readFileSync(join(root, 'docs/operations.md'), 'utf8');
const all = (pattern: RegExp): readonly string[] => [
  ...new Set([...text.matchAll(pattern)].map(([, found = '']) => found)),
];
const sources = ['federation', 'cluster-agent', 'api/domain']
  .flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: root }))
  .filter((path) => !path.includes('node_modules'))
  .map((path) => readFileSync(join(root, path), 'utf8'))
  .join('\n');

describe('docs/operations.md', () => {
  let federation: TestFederation;
  before(async () => {
    federation = await startTestFederation();
  });
  after(() => federation.stop());

  const commands = all(/^isthmus (.*)$/gm).map((one) => one.replace(/ > .*$/, ''));

  it('has commands', () => assert.ok(commands.length >= 15));

  for (const command of commands)
    it(`isthmus ${command}`, async () => {
      const { status, err } = await federation.run(command);
      assert.ok(command.startsWith('check') ? [0, 1, 10].includes(status) : status === 0, err);
    });

  for (const command of all(/`isthmus ([^`]+)`/g).filter((one) => !commands.includes(one)))
    it(`isthmus ${command} is a command, with the flags that it is written with`, async () => {
      const [path = '', ...flags] = command.split(/(?= --?[a-z])/);
      const words = path.split(' ').filter((word) => /^[a-z-]+$/.test(word) && !isName(word));
      const { status, out } = await federation.run(`${words.join(' ')} --help`);
      assert.equal(status, 0);
      assert.match(out, new RegExp(`^Usage: isthmus ${words.join(' ')} `));
      for (const flag of flags) assert.ok(out.includes(flag.trim().split(' ')[0]!), `${command}: ${flag}`);
    });

  it('names only reasons that there are', () => {
    const reasons = all(/`([A-Z]+(?:_[A-Z]+)+)`/g);
    assert.ok(reasons.length >= 8);
    for (const reason of reasons) assert.ok(sources.includes(`'${reason}'`), reason);
  });

  it('names only metrics that there are, and every check of the readiness of hub and agent', async () => {
    const get = async (path: string) => (await fetch(`${federation.hub.adminUrl}${path}`)).text();
    const metrics = await get('/metrics');
    for (const name of all(/`(isthmus_hub_[a-z_]+)`/g)) assert.ok(metrics.includes(`# HELP ${name} `), name);
    for (const name of all(/`isthmus_agent_([a-z_]+)`/g)) assert.ok(sources.includes(`'${name}'`), name);
    const checks = [...sources.matchAll(/name: '([a-z-]+)',?\s+problem: /g)].map(([, name = '']) => name);
    const verbose = await get('/readyz?verbose');
    assert.deepEqual(
      checks.filter((name) => !text.includes(`\`${name}\``)),
      [],
    );
    for (const name of all(/^\| hub \| `([a-z-]+)`/gm)) assert.ok(verbose.includes(name), name);
  });
});

/** An object of the example and not a command. */
const isName = (word: string): boolean => ['east', 'west', 'north'].includes(word);
