import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../fakes/command-line.ts';

// Nothing listens there: what is a mistake of usage is known before the hub is asked.
const env = { ISTHMUS_ENDPOINT: 'http://127.0.0.1:1/graphql', ISTHMUS_TOKEN: 'token' };

const mistakes: Record<string, { line: readonly string[]; says: RegExp }> = {
  'no command': { line: [], says: /Usage/ },
  'an unknown command': { line: ['clutsers'], says: /unknown command.*clusters/s },
  'an unknown flag': { line: ['clusters', '--al'], says: /unknown option/ },
  'a missing argument': { line: ['drain'], says: /cluster/ },
  'another form of output': { line: ['clusters', '--output', 'yaml'], says: /table, json/ },
  'a revision that is not a number': {
    line: ['policy', 'delete', 'p', '--expected-revision', 'abc'],
    says: /whole number/,
  },
  'an empty revision': { line: ['policy', 'delete', 'p', '--expected-revision', ''], says: /whole number/ },
  'an empty idempotency key': { line: ['policy', 'delete', 'p', '--idempotency-key', ''], says: /empty/ },
  'a share that is not a number': { line: ['drain', 'east', '--percent', 'abc'], says: /1 to 100/ },
  'a share of nothing': { line: ['drain', 'east', '--percent', '0'], says: /1 to 100/ },
  'a share of too much': { line: ['failover', 'simulate', '--percent', '101'], says: /1 to 100/ },
  'a scope that is none': { line: ['drain', 'east', '--scope', 'bogus'], says: /ALL, REMOTE/ },
  'a deadline that is not a time': { line: ['drain', 'east', '--deadline', 'soon'], says: /30m or 2h/ },
  'a deadline without a zone': {
    line: ['drain', 'east', '--deadline', '2030-01-31T03:00:00'],
    says: /30m or 2h/,
  },
  'a lifetime that is not a number': { line: ['token', 'north', '--lifetime', 'abc'], says: /60 to 86400/ },
  'a service with too many parts': { line: ['export', 'a/b/c'], says: /namespace\/name/ },
  'a service without a name': { line: ['unexport', 'shop/'], says: /namespace\/name/ },
  'an empty list of clusters': { line: ['export', 'a/b', '--clusters', ''], says: /empty/ },
  'a failover from nowhere': { line: ['failover', 'simulate'], says: /--from-cluster or --from-region/ },
  'a failover from two places': {
    line: ['failover', 'simulate', '--from-cluster', 'east', '--from-region', 'a'],
    says: /cannot be used with/,
  },
  'no file of policies': { line: ['policy', 'apply'], says: /--file/ },
  'a file of policies that is not there': {
    line: ['policy', 'apply', '-f', '/nowhere.yaml'],
    says: /--file: \/nowhere.yaml cannot be read \(ENOENT\).*create it/,
  },
  'a file of policies that never ends': {
    line: ['policy', 'apply', '-f', '/dev/zero'],
    says: /--file: \/dev\/zero has more than 1048576 bytes, the limit for it: .*split/,
  },
  'a token file that never ends': {
    line: ['clusters', '--token-file', '/dev/zero', '--endpoint', 'http://127.0.0.1:1/graphql'],
    says: /--token-file: \/dev\/zero has more than 1048576 bytes, the limit for it: name the right file/,
  },
  'a token file that is not there': {
    line: ['clusters', '--token-file', '/nowhere'],
    says: /--token-file: \/nowhere cannot be read .*it does not exist/,
  },
  'an endpoint that is not a URL': { line: ['clusters', '--endpoint', 'hub'], says: /'hub' is not a URL/ },
  'traffic that nobody confirmed': { line: ['drain', 'nowhere'], says: /--yes.*--dry-run/ },
};

describe('the command line, used wrongly, ends with status 2 and says what is right', () => {
  for (const [what, { line, says }] of Object.entries(mistakes))
    it(what, async () => {
      const { status, out, err } = await run(line, { env });
      assert.equal(status, 2, err);
      assert.match(err, says);
      assert.equal(out, '');
    });

  it('standard input of policies that never ends', async () => {
    const input = (function* () {
      for (;;) yield Buffer.alloc(65_536, '#');
    })();
    const { status, err } = await run(['policy', 'apply', '-f', '-'], { env, input });
    assert.equal(status, 2);
    assert.match(err, /standard input has more than 1048576 bytes, the limit for it: split it/);
  });

  it('a file or standard input of policies of one byte more than the limit, and not of one less', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'isthmus-usage-'));
    const file = join(dir, 'policies.yaml');
    for (const bytes of [2 ** 20 - 1, 2 ** 20, 2 ** 20 + 1]) {
      const text = '#'.repeat(bytes);
      writeFileSync(file, text);
      const says = bytes > 2 ** 20 ? /more than 1048576 bytes/ : /there is no policy in it/;
      assert.match((await run(['policy', 'apply', '-f', file], { env })).err, says);
      assert.match((await run(['policy', 'apply', '-f', '-'], { env, input: text })).err, says);
    }
    rmSync(dir, { recursive: true });
  });

  it('a token that cannot be sent, which it does not print', async () => {
    for (const token of ['', 'two words', 'line\nbreak', 'schlüssel']) {
      const { status, err } = await run(['clusters'], { env: { ...env, ISTHMUS_TOKEN: token } });
      assert.equal(status, 2);
      assert.match(err, /ISTHMUS_TOKEN/);
      assert.ok(token === '' || !err.includes(token));
    }
  });
});
