import type { Place, Resource } from '@isthmus/api/kube/api-server.ts';
import { isMap, type KeptObject } from './kept-object.ts';

/** `<namespace>/<name>`, with an empty namespace where there is none. */
export const keyOf = ({
  namespace = '',
  name,
}: Pick<Partial<Place>, 'namespace'> & Pick<Place, 'name'>): string => `${namespace}/${name}`;

/** As calls name an object. */
export const nameOf = ({ namespace, name }: Place): string =>
  namespace === '' ? name : `${namespace}/${name}`;

export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

export const metadataOf = (object: object): Readonly<Record<string, unknown>> => {
  const { metadata } = object as { metadata?: unknown };
  return isMap(metadata) ? metadata : {};
};

export const typeOf = ({ group, version, kind }: Resource) => ({
  apiVersion: group === '' ? version : `${group}/${version}`,
  kind,
});

/** As it stands in a list: without apiVersion and kind. */
export function asItem(object: KeptObject): unknown {
  const item: Record<string, unknown> = { ...(clone(object) as Record<string, unknown>) };
  delete item['apiVersion'];
  delete item['kind'];
  return item;
}

export const clone = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
