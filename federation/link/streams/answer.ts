import type { Answer, Question, Reply } from '@isthmus/api/domain/question.ts';
import { Questions } from '../questions.ts';
import type { LinkStream, StreamKind } from '../stream-kind.ts';

interface AnswerStream extends LinkStream<Reply> {
  readonly questions: Questions<Question, Answer>;
}

/** The hub asks, and the agent replies in whatever order. */
export const answerStream: StreamKind<Reply, Question, AnswerStream> = {
  method: 'answer',
  holdsLink: false,
  open(_link, call, { hub: { clock, random } }) {
    const questions = new Questions<Question, Answer>(
      clock,
      () => random.id(),
      (question) => call.write(question),
    );
    return {
      questions,
      hear(reply) {
        if (reply.kind === 'answer') questions.answer(reply.id, reply.answer);
        else questions.refuse(reply.id, reply.message);
      },
      stop: () => questions.end(),
    };
  },
};
