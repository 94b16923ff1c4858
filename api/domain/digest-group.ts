import { parseRemoteName } from './remote-name.ts';

/**
 * The group in which a resource of the link is for digests of what is held: services of other clusters by their owner, so
 * that one cluster that has changed costs no list of all others; everything else of a type in one.
 */
export const digestGroup = (type: string, name: string): string =>
  type === 'remote' ? (parseRemoteName(name)?.cluster ?? '') : '';
