import { err } from '@isthmus/mesh/result.ts';
import type { UserError } from './command.ts';

/** One refusal: code, the input field as a dotted path, and what to do. */
export const refusal = (code: string, field: string, message: string): UserError => ({
  ...{ code, message },
  field: field === '' ? [] : field.split('.'),
});

export const refuse = (code: string, field: string, message: string) => err([refusal(code, field, message)]);

/** RFC 1123 label: what names of clusters, policies and namespaces are made of. */
export const isLabel = (text: string): boolean => /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text);

export const nameRule =
  'has 1 to 63 lower-case letters, digits and dashes, and begins and ends with a letter or digit';
