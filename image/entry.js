// The first argument of the image: which program of it runs. The others are that program's.
const mains = new Map([
  ['hub', '../federation/main.ts'],
  ['agent', '../cluster-agent/main.ts'],
  ['node-agent', '../node-agent/main.ts'],
  ['ztunnel', '../ztunnel/main.ts'],
  ['sidecar', '../sidecar/main.ts'],
  ['cli', '../cli/main.ts'],
  ['uninstall', '../cluster-agent/uninstall.ts'],
]);
const planned = new Set(['waypoint']);

const [role = '', ...rest] = process.argv.slice(2);
const main = mains.get(role);
if (main === undefined) {
  const roles = [...mains.keys()].join(', ');
  console.error(
    planned.has(role)
      ? `isthmus: the role ${role} is not built yet; this image has ${roles}`
      : `isthmus: '${role}' is no role of this image: name one of ${roles}, then its flags (--help lists them)`,
  );
  process.exit(2);
}
const file = new URL(main, import.meta.url);
process.argv = [process.execPath, file.pathname, ...rest];
await import(file.href);
