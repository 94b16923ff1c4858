import { noteOf } from './condition-notes.ts';
import { exportAnnotation, exportConditions, exportNote, type ExportState } from './exported-service.ts';
import { statusWrites } from './policy-statement.ts';
import { writtenKinds } from './written-kinds.ts';
import type { Statement, Target } from './written-object.ts';

/** What is said of a Service that is to be exported, in an annotation. */
export function serviceStatement(target: Target, state: ExportState): Statement | undefined {
  if (!state.service) return undefined;
  const wanted = exportNote(state);
  return {
    ...writtenKinds.Service,
    writes(current) {
      if (!current || current.annotations[exportAnnotation] === wanted) return [];
      const { namespace, name } = target;
      // Without the annotation in it the write removes it.
      const annotations = wanted === undefined ? undefined : { [exportAnnotation]: wanted };
      const object = { metadata: { namespace, name, ...(annotations && { annotations }) } };
      const note = wanted && noteOf([], exportConditions(state), undefined);
      return [{ how: 'APPLY', subresource: '', object, ...(note && { note }) }];
    },
  };
}

/** What is said of a ServiceExport, in its status. */
export const serviceExportStatement = (target: Target, state: ExportState, now: number): Statement => ({
  ...writtenKinds.ServiceExport,
  writes: (current) => statusWrites(target, current, exportConditions(state), undefined, now),
});
