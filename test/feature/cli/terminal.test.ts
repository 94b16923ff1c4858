import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, type Ended } from '../../fakes/command-line.ts';

// Clears the screen, C1's form of the same, DEL, carriage return, right-to-left override, isolate, line separator.
const foreign = 'a\u001b[2Jb\u009b2Jc\u007fd\re\u202ef\u2066g\u2028h';
const shown = String.raw`a\u001b[2Jb\u009b2Jc\u007fd\u000de\u202ef\u2066g\u2028h`;

/** Anything that a terminal obeys or reorders by, beside the end of a line. */
const obeyed = /(?!\n)[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

const page = (node: object) => ({
  data: { list: { nodes: [node], pageInfo: { hasNextPage: false, endCursor: null } } },
});
const finding = {
  severity: 'ERROR',
  reason: 'R',
  cluster: foreign,
  namespace: 'n',
  object: foreign,
  message: `${foreign}\nforged line`,
  remedy: foreign,
};
const payload = {
  userErrors: [],
  warnings: [{ code: 'W', field: [], message: `${foreign}\nforged line` }],
  revision: 1,
  dryRun: false,
  unchanged: false,
  operation: { operationId: '1', state: 'RUNNING', message: `${foreign}\nforged line` },
};
const userError = { code: 'INVALID', field: [foreign], message: `${foreign}\nforged line` };
const operation = {
  operationId: '12345678',
  type: 'T',
  state: 'RUNNING',
  subject: foreign,
  clusters: [],
  appliedBy: [],
  startedAt: '2030-01-01T00:00:00Z',
  message: `${foreign}\nforged line`,
};
const entry = {
  at: '2030-01-01T00:00:00Z',
  lastAt: '2030-01-01T00:00:00Z',
  count: 2,
  revision: 1,
  omitted: [],
  actor: foreign,
  action: 'a',
  subject: foreign,
  outcome: 'REFUSED',
  reason: `${foreign}\nforged line`,
  errors: [userError],
  input: { [foreign]: `${foreign}\nforged line` },
  before: { [`${foreign}\nforged line`]: { a: 'b' } },
  after: { [`${foreign}\nforged line`]: { a: `${foreign}\nforged line`, [`\nforged line`]: [foreign] } },
};
const plan = {
  planId: foreign,
  keptUntil: null,
  services: [],
  userErrors: [],
  warnings: [{ message: `${foreign}\nforged line` }],
};

const answers: Record<string, { line: readonly string[]; answer: object; person?: string }> = {
  'an error of the API': {
    line: ['clusters'],
    answer: { errors: [{ message: `${foreign}\nforged line`, extensions: { code: foreign } }] },
  },
  'a record that is left out': {
    line: ['clusters'],
    answer: {
      errors: [{ message: `${foreign}\nforged line`, path: [foreign] }],
      data: { list: { nodes: [], pageInfo: { hasNextPage: false, endCursor: null } } },
    },
  },
  conditions: { line: ['check'], answer: page(finding) },
  'a table and the lines under it': { line: ['operations'], answer: page(operation) },
  'the audit log': { line: ['audit'], answer: page(entry) },
  'the audit log with what changed': { line: ['audit', '--diff'], answer: page(entry) },
  'a plan': {
    line: ['failover', 'simulate', '--from-cluster', 'east'],
    answer: { data: { simulateFailover: plan } },
  },
  'a refusal of a change': {
    line: ['drain', 'east', '--yes'],
    answer: { data: { result: { ...payload, userErrors: [userError] } } },
  },
  'warnings of a change and how far it is': {
    line: ['drain', 'east', '--yes'],
    answer: { data: { result: payload } },
  },
  'consequences before consent': {
    line: ['drain', 'east'],
    answer: { data: { result: payload } },
    person: 'n',
  },
};

describe('the command line on a terminal', () => {
  let server: Server;
  let env: Record<string, string>;
  let answer: object;
  before(async () => {
    server = createServer((_request, response) => response.end(JSON.stringify(answer)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
    env = { ISTHMUS_ENDPOINT: url, ISTHMUS_TOKEN: 'token' };
  });
  after(() => (server.closeAllConnections(), server.close()));

  const harmless = ({ out, err }: Ended) => {
    assert.doesNotMatch(out + err, obeyed);
    assert.doesNotMatch(out + err, /^\s*forged line/m);
    assert.ok((out + err).includes(shown), out + err);
  };

  for (const [what, { line, answer: given, person }] of Object.entries(answers))
    it(`shows control characters of ${what} as escapes, and no text of another begins a line`, async () => {
      answer = given;
      harmless(await run(line, person === undefined ? { env } : { env, answer: person }));
    });

  it('shows what a person named in a question as escapes', async () => {
    answer = { data: { result: { ...payload, warnings: [] } } };
    harmless(await run(['drain', foreign], { env, answer: 'n' }));
  });

  it('shows what a file of policies says as escapes', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'isthmus-terminal-'));
    const file = join(dir, 'policy.yaml');
    writeFileSync(file, 'apiVersion: "\u009b2J\\e[2J\u202e"\nkind: AccessPolicy\n');
    const { status, out, err } = await run(['policy', 'apply', '-f', file], { env });
    rmSync(dir, { recursive: true });
    assert.equal(status, 2);
    assert.doesNotMatch(out + err, obeyed);
    assert.match(err, /\\u009b2J\\u001b\[2J\\u202e/);
  });

  it('writes JSON in which such characters are escaped and that says what the API said', async () => {
    answer = page(finding);
    const { out } = await run(['check', '-o', 'json'], { env });
    assert.doesNotMatch(out, obeyed);
    assert.deepEqual(JSON.parse(out), [finding]);
  });
});
