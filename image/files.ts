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
  'ztunnel',
  'sidecar',
  'cli',
];

export const singleFiles: readonly string[] = ['LICENSE', 'package.json', 'image/entry.js'];

/** Generators and their inputs: no program reads them. */
const ofBuilds: readonly string[] = ['api/proto/', 'api/graphql/', 'federation/graphql/print.ts'];

const ofPrograms = /(?<!\.d)\.(ts|js|json|cnf)$/;
/** Typings, source maps, and documents that are not licences: three quarters of what dependencies bring. */
const notOfDependencies = /\.(d\.[cm]?ts|[cm]?ts|map|md|markdown|flow|tsbuildinfo)$/;

/** Whether a file of a program folder belongs into the image. `path` is from the root, with slashes. */
export const isOfPrograms = (path: string): boolean =>
  ofPrograms.test(path) &&
  !path.split('/').includes('node_modules') &&
  !ofBuilds.some((start) => path.startsWith(start));

/** Native code, of all platforms at once: that of another JavaScript runtime (`.bare`), which Node does not load. */
const native = /\/prebuilds\/|\.(bare|node)$/;

/** Whether a file of a dependency belongs into the image. None is of one platform: amd64 and arm64 get the same files. */
export const isOfDependencies = (path: string): boolean =>
  !notOfDependencies.test(path) && !native.test(path);

/** The parts of package-lock.json that are read here. */
interface Locked {
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
  readonly link?: boolean;
}

/**
 * Folders of the dependencies that run: those of package-lock.json that are neither of the tools nor optional (Node
 * itself, which the base image has, and native parts that have a substitute in JavaScript).
 */
export function dependencyFolders(lock: string): readonly string[] {
  const { packages } = JSON.parse(lock) as { readonly packages: Readonly<Record<string, Locked>> };
  return Object.entries(packages)
    .filter(([path, { dev, optional, devOptional, link }]) => {
      const isTool = dev === true || optional === true || devOptional === true || link === true;
      return path.includes('node_modules/') && !isTool;
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
