import type { Question, Reply } from '@isthmus/api/domain/question.ts';
import type { StreamKind } from '../stream-kind.ts';

/** The hub asks, and the agent replies as soon as it knows. */
export const answerStream: StreamKind<Question, Reply> = {
  method: 'answer',
  isHeard: false,
  open(_session, call, { deps }) {
    let isOver = false;
    const reply = (one: Reply) => {
      if (!isOver) call.write(one);
    };
    return {
      hear({ id, ask }) {
        deps
          .answer(ask)
          .then((answer) => reply({ id, kind: 'answer', answer }))
          .catch((error: unknown) =>
            reply({ id, kind: 'error', message: error instanceof Error ? error.message : String(error) }),
          );
      },
      stop: () => (isOver = true),
    };
  },
};
