import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join, normalize, relative } from 'node:path';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const text = read('ARCHITECTURE.md');
const tops = ['mesh', 'api', 'federation', 'cluster-agent', 'node-agent', 'ztunnel', 'cli', 'sandbox'];

/** The folder below `top` in which a file lies; undefined beside the rooms. */
const roomOf = (top: string, path: string): string | undefined =>
  relative(top, path).split('/').slice(0, -1)[0];

const filesOf = (top: string): readonly string[] =>
  globSync(`${top}/**/*.*`, { cwd: root }).filter((path) => !path.includes('node_modules'));

const roomsOf = (top: string): readonly string[] =>
  [...new Set(filesOf(top).map((path) => roomOf(top, path) ?? ''))].filter((room) => room !== '').sort();

/** Each room that a room imports, as `importing imported`. */
function importsOf(top: string): readonly string[] {
  const found = new Set<string>();
  for (const path of filesOf(top).filter((one) => one.endsWith('.ts'))) {
    const from = roomOf(top, path);
    for (const [, target = ''] of read(path).matchAll(/from '(\.[^']+)'/g)) {
      const to = roomOf(top, normalize(join(path, '..', target)));
      if (from !== undefined && to !== undefined && from !== to) found.add(`${from} ${to}`);
    }
  }
  return [...found];
}

describe('ARCHITECTURE.md', () => {
  const [, rooms = ''] = /## The rooms\n([\s\S]*?)\n## /.exec(text) ?? [];
  const listed = [...rooms.matchAll(/^\| (`.*?`) \|/gm)].flatMap(([, cell = '']) => {
    const names = [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
    const top = names[0]?.split('/')[0] ?? '';
    return names.map((name) => (name.includes('/') ? name : `${top}/${name}`));
  });

  for (const top of tops)
    it(`lists every room of ${top}, and no other`, () =>
      assert.deepEqual(
        listed
          .filter((room) => room.startsWith(`${top}/`))
          .map((room) => room.slice(top.length + 1))
          .sort(),
        roomsOf(top),
      ));

  const [, drawing = ''] = /## Which way imports point[\s\S]*?```\n([\s\S]*?)```/.exec(text) ?? [];
  const lines = drawing.replaceAll(/\n +/g, ' ').trim().split('\n');
  const drawn = new Map(
    lines.map((line) => {
      const [, top = '', order = ''] = /^(\S+) +(.*)$/.exec(line) ?? [];
      return [top, order.split(' <- ').map((level) => level.split(', '))] as const;
    }),
  );

  for (const top of tops.filter((one) => one !== 'cli'))
    it(`draws imports between rooms of ${top} from right to left`, () => {
      const levels = drawn.get(top) ?? [];
      const levelOf = (room: string): number => levels.findIndex((level) => level.includes(room));
      const wrong = importsOf(top).filter((one) => {
        const [from = '', to = ''] = one.split(' ');
        return levelOf(to) < 0 || levelOf(to) >= levelOf(from);
      });
      assert.deepEqual(wrong, []);
    });

  it('links to files that there are', () => {
    for (const [, path = ''] of text.matchAll(/\]\(([^)#]+)\)/g)) assert.ok(read(path) !== '', path);
    for (const [, path = ''] of text.matchAll(/`([a-z][a-z0-9/-]*\/[a-z0-9-]+\.ts)`/g))
      assert.ok(read(path) !== '', path);
  });
});
