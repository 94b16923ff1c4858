import { status } from '@grpc/grpc-js';
import type { Agent } from './identify.ts';

/** What is common to the calls of grpc-js. */
export interface Call {
  getAuthContext(): { sslPeerCertificate?: unknown };
  /** Address and port: one connection. */
  getPeer(): string;
  emit(event: 'error', error: object): boolean;
  on(event: string, listener: () => void): unknown;
}

/** A stream that an agent has open, whatever it carries. */
export class OpenCall {
  readonly agent: Agent;
  readonly connection: string;
  readonly #call: Call;
  #over = false;

  constructor(agent: Agent, call: Call) {
    this.agent = agent;
    this.connection = call.getPeer();
    this.#call = call;
    for (const event of ['end', 'cancelled', 'error', 'close']) call.on(event, () => (this.#over = true));
  }

  /** Nothing that still arrives counts. */
  get over(): boolean {
    return this.#over;
  }

  end(details: string, code = status.PERMISSION_DENIED): void {
    if (!this.#over) this.#call.emit('error', { code, details });
  }
}

/** Every stream of every agent: a membership that ends, ends them all. */
export class OpenCalls {
  readonly #calls = new Set<OpenCall>();

  add(agent: Agent, call: Call): OpenCall {
    const one = new OpenCall(agent, call);
    this.#calls.add(one);
    for (const event of ['end', 'cancelled', 'error', 'close'])
      call.on(event, () => void this.#calls.delete(one));
    return one;
  }

  /** Ends those for which `why` has a reason. */
  endWhere(why: (call: OpenCall) => string | undefined, code = status.PERMISSION_DENIED): void {
    for (const call of [...this.#calls]) {
      const reason = why(call);
      if (reason !== undefined) call.end(reason, code);
    }
  }
}
