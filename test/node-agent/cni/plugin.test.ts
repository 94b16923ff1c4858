import { deepEqual, equal, match } from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { Mailbox } from '@isthmus/node-agent/cni/mailbox.ts';
import type { PluginRequest } from '@isthmus/node-agent/cni/request.ts';
import { previousResult, runPlugin, type PluginCall } from '../../fakes/cni-plugin.ts';

describe('the chained CNI plugin', () => {
  let mailbox: string;
  let agent: Mailbox | undefined;
  let asked: PluginRequest[];
  const run = (command: string, over: Partial<PluginCall> = {}) => runPlugin({ command, mailbox, ...over });
  const serve = (verdict: string | undefined) => {
    agent = new Mailbox({
      folder: mailbox,
      ownNamespace: 'isthmus-system',
      clock: systemClock,
      log: silentLog,
      onAdd: (request) => {
        asked.push(request);
        return Promise.resolve(verdict);
      },
      onDel: (request) => void asked.push(request),
    });
    agent.open();
  };
  const enrolled = (...names: readonly string[]) =>
    writeFileSync(join(mailbox, 'namespaces'), `${names.join('\n')}\n`);

  beforeEach(() => {
    mailbox = mkdtempSync(join(tmpdir(), 'isthmus-mailbox-'));
    asked = [];
    agent = undefined;
  });
  afterEach(() => {
    agent?.close();
    rmSync(mailbox, { recursive: true, force: true });
  });

  it('gives the result of the plugin before it once the agent agrees', async () => {
    serve(undefined);
    const { status, out } = await run('ADD');
    equal(status, 0);
    deepEqual(JSON.parse(out), previousResult);
    const [request] = asked;
    deepEqual(request, {
      command: 'ADD',
      uid: 'uid-1',
      pod: 'shop/cart',
      namespace: 'shop',
      netns: '/run/netns/x',
    });
    deepEqual(
      readdirSync(mailbox).filter((file) => file.includes('c0ffee')),
      [],
    );
  });

  it('fails with the words of the agent, which the runtime may try again', async () => {
    serve('setns: "EPERM" \\ \n ünd');
    const { status, out } = await run('ADD');
    equal(status, 1);
    const error = JSON.parse(out) as { code: number; msg: string };
    equal(error.code, 11);
    match(error.msg, /setns: {2}EPERM/);
  });

  it('fails without an answer where the namespace is captured', async () => {
    enrolled('other', 'shop');
    const { status, out } = await run('ADD', { tries: 3 });
    equal(status, 1);
    match((JSON.parse(out) as { msg: string }).msg, /does not answer, and the namespace shop is captured/);
    deepEqual(readdirSync(mailbox), ['namespaces']);
  });

  for (const namespaces of [[], ['shopping', 'sho', 'xshop']])
    it(`lets a pod start without an answer where its namespace is none of ${namespaces.join(', ') || 'none'}`, async () => {
      enrolled(...namespaces);
      const { status, out } = await run('ADD', { tries: 3 });
      equal(status, 0);
      deepEqual(JSON.parse(out), previousResult);
    });

  it('never waits for pods of the namespace of the mesh', async () => {
    writeFileSync(join(mailbox, 'own'), 'isthmus-system\n');
    enrolled('isthmus-system');
    const { status } = await run('ADD', { namespace: 'isthmus-system' });
    equal(status, 0);
    equal(readdirSync(mailbox).length, 2);
  });

  it('lets every pod start where there is no mailbox, as on a node without the mesh', async () => {
    equal((await run('ADD', { mailbox: join(mailbox, 'none') })).status, 0);
    equal(existsSync(join(mailbox, 'none')), false);
  });

  it('hands over DEL without waiting, also when no agent is there, and never fails', async () => {
    equal((await run('DEL', { netns: '' })).status, 0);
    const [file = ''] = readdirSync(mailbox);
    match(readFileSync(join(mailbox, file), 'utf8'), /CNI_COMMAND=DEL\n/);
    equal((await run('DEL', { mailbox: join(mailbox, 'none') })).status, 0);
    equal((await run('DEL', { container: '' })).status, 0);
  });

  it('leaves its requests to an agent that starts later', async () => {
    await run('DEL');
    serve(undefined);
    deepEqual(
      asked.map(({ command }) => command),
      ['DEL'],
    );
  });

  for (const config of [
    '{"prevResult":{"a":"}{\\"","b":{"c":[{}]}},"z":1}',
    '{\n "z": {"prevRes":1},\n "prevResult" :\n {"a":"}{\\"","b":{"c":[{}]}}}',
  ])
    it(`finds prevResult in ${JSON.stringify(config).slice(0, 40)}`, async () => {
      serve(undefined);
      deepEqual(JSON.parse((await run('ADD', { config })).out), { a: '}{"', b: { c: [{}] } });
    });

  it('refuses a chain of which it is the first', async () => {
    serve(undefined);
    for (const config of ['{"cniVersion":"1.0.0"}', '', '{"prevResult":{"a":1']) {
      const { status, out } = await run('ADD', { config });
      equal(status, 1);
      equal((JSON.parse(out) as { code: number }).code, 7);
    }
  });

  for (const container of ['../../etc/x', 'a b', ''])
    it(`refuses ADD of a container with the id '${container}'`, async () => {
      const { status, out } = await run('ADD', { container });
      equal(status, 1);
      equal((JSON.parse(out) as { code: number }).code, 4);
    });

  it('says which versions it speaks, and has nothing to check', async () => {
    match((await run('VERSION')).out, /"supportedVersions":\[.*"1\.0\.0"/);
    for (const command of ['CHECK', 'GC', 'STATUS', ''])
      deepEqual(await run(command), { status: 0, out: '', err: '' });
  });

  it('answers a burst of pods each by itself', async () => {
    serve(undefined);
    const names = Array.from({ length: 10 }, (_, i) => `c${i}`);
    const ends = await Promise.all(names.map((container) => run('ADD', { container, uid: container })));
    deepEqual(
      ends.map(({ status }) => status),
      names.map(() => 0),
    );
    equal(new Set(asked.map(({ uid }) => uid)).size, 10);
  });
});
