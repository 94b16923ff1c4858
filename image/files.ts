import { join } from 'node:path';

/**
 * What goes into an image, from the root of the repository. The Dockerfile and tests copy exactly this, so that a file
 * which only a developer's machine has cannot be what makes a program start.
 */
export const programFolders: readonly string[] = [
  'mesh',
  'api',
  'federation',
  'cluster-agent',
  'node-agent',
  'ztunnel',
  'sidecar',
  'cli',
];

export const singleFiles: readonly string[] = ['LICENSE', 'package.json', 'image/entry.js'];

/** Generators and their inputs: no program reads them. */
const ofBuilds: readonly string[] = ['api/proto/', 'api/graphql/', 'federation/graphql/print.ts'];

const ofPrograms = /(?<!\.d)\.(ts|js|json|cnf|sh)$/;
/** Typings, source maps, and documents that are not licences: three quarters of what dependencies bring. */
const notOfDependencies = /\.(d\.[cm]?ts|[cm]?ts|map|md|markdown|flow|tsbuildinfo)$/;

/** Whether a file of a program folder belongs into the image. `path` is from the root, with slashes. */
export const isOfPrograms = (path: string): boolean =>
  ofPrograms.test(path) &&
  !path.split('/').includes('node_modules') &&
  !ofBuilds.some((start) => path.startsWith(start));

/** Native code, of all platforms at once: that of another JavaScript runtime (`.bare`), which Node does not load. */
const native = /\/prebuilds\/|\.(bare|node)$/;

/** Without a substitute in JavaScript: it calls the C library where pods are captured (docs/adr/0096). */
const nativeOf = (cpu: string): string => `node_modules/@koromix/koffi-linux-${cpu}`;
const ofCLibrary = /^node_modules\/@koromix\/koffi-linux-\w+\/linux_\w+\/koffi\.node$/;

/** Whether a file of a dependency belongs into the image. One alone is of the platform. */
export const isOfDependencies = (path: string): boolean =>
  ofCLibrary.test(path) || (!notOfDependencies.test(path) && !native.test(path));

/** The parts of package-lock.json that are read here. */
interface Locked {
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
  readonly link?: boolean;
}

/**
 * Folders of the dependencies that run: those of package-lock.json that are neither of the tools nor optional (Node
 * itself, which the base image has, and native parts that have a substitute in JavaScript), and the native code for `cpu`,
 * which is Node's name of it: `x64` or `arm64`.
 */
export function dependencyFolders(lock: string, cpu: string): readonly string[] {
  const { packages } = JSON.parse(lock) as { readonly packages: Readonly<Record<string, Locked>> };
  return Object.entries(packages)
    .filter(([path, { dev, optional, devOptional, link }]) => {
      const isTool = dev === true || optional === true || devOptional === true || link === true;
      return (path.includes('node_modules/') && !isTool) || path === nativeOf(cpu);
    })
    .map(([path]) => path)
    .sort();
}

/** Links by which programs import each other's folders: `node_modules/@isthmus/mesh` is `../../mesh`. */
export const links: readonly { readonly path: string; readonly target: string }[] = programFolders.map(
  (folder) => {
    const path = join('node_modules/@isthmus', folder);
    return { path, target: join('../..', folder) };
  },
);
