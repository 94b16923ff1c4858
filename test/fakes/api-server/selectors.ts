import type { Query } from '@isthmus/api/kube/api-server.ts';
import type { KeptObject } from './kept-object.ts';

/** Whether an object is among those that a query selects: by equality, `!=` and existence of labels, by name, namespace and node. */
export function isSelected(
  { metadata, spec }: KeptObject,
  { labelSelector = '', fieldSelector = '' }: Query,
): boolean {
  const { name, namespace = '' } = metadata;
  const fields: Readonly<Record<string, string>> = {
    ['metadata.name']: name,
    ['metadata.namespace']: namespace,
    ['spec.nodeName']: nodeOf(spec),
  };
  return (
    partsOf(labelSelector).every(holdsIn(metadata.labels ?? {})) &&
    partsOf(fieldSelector).every(holdsIn(fields))
  );
}

const nodeOf = (spec: unknown): string => {
  const { nodeName } = (spec ?? {}) as { readonly nodeName?: unknown };
  return typeof nodeName === 'string' ? nodeName : '';
};

const partsOf = (selector: string): readonly string[] => selector.split(',').filter((part) => part !== '');

const holdsIn =
  (values: Readonly<Record<string, string>>) =>
  (part: string): boolean => {
    const [, key = '', sign, value = ''] = /^([^!=]+)(!=|==?)(.*)$/.exec(part) ?? [];
    if (sign === undefined) return part.startsWith('!') ? !(part.slice(1) in values) : part in values;
    return sign === '!=' ? values[key] !== value : values[key] === value;
  };
