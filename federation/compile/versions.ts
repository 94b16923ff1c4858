import type { Diversion } from '@isthmus/api/domain/directive.ts';
import { contentVersion } from '@isthmus/api/wire/binary.ts';
import { diversion as codec } from '@isthmus/api/wire/link.ts';

/** The version under which agents report a diversion. */
export const diversionVersion = (diversion: Diversion): string => contentVersion(codec.encode(diversion));
