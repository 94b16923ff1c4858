import { X509Certificate } from 'node:crypto';
import { day } from '@isthmus/mesh/pki/issue.ts';
import { renewAt } from '@isthmus/mesh/pki/rotation.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Outside } from '../outside/outside.ts';
import { maxNames, type KeptNames } from './kept-names.ts';
import type { LinkCa } from './link-ca.ts';

/** PEM key and chain. */
type ServerIdentity = ReturnType<LinkCa['issueServer']>;

interface Deps {
  readonly ca: Pick<LinkCa, 'issueServer'>;
  readonly outside: Pick<Outside, 'current' | 'onChange'>;
  readonly names: KeptNames;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * What the hub's listeners show to agents. It is issued again when the hub is reached at other addresses than it names, and
 * when half of its life is over. It keeps the names of earlier certificates, also of those before the hub started: some
 * agents know only those, and a hub does not learn its addresses while the API server of its cluster does not answer.
 */
export class ServerCertificate {
  readonly #deps: Deps;
  /** The newest first. */
  #names: readonly string[];
  #current: ServerIdentity;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#names = deps.names.read();
    this.#current = this.#issue();
  }

  get current(): ServerIdentity {
    return this.#current;
  }

  /** Gives each new one to the listeners until the signal aborts. */
  follow(show: (identity: ServerIdentity) => void, signal: AbortSignal): void {
    const { outside, clock, log } = this.#deps;
    const renew = () => {
      this.#current = this.#issue();
      show(this.#current);
      log.info({ names: this.#names }, 'the certificate of the link was issued again');
    };
    const look = () => {
      if (clock.now() >= this.#dueAt) renew();
      timer = clock.after(day, look);
    };
    let timer = clock.after(day, look);
    const stop = outside.onChange(() => {
      if (this.#namesOfNow().some((name) => !this.#names.includes(name))) renew();
    });
    signal.addEventListener(
      'abort',
      () => {
        stop();
        timer.cancel();
      },
      { once: true },
    );
    // What has changed since it was issued.
    if (this.#namesOfNow().some((name) => !this.#names.includes(name))) renew();
  }

  get #dueAt(): number {
    const leaf = new X509Certificate(this.#current.chain);
    return renewAt(Date.parse(leaf.validFrom), Date.parse(leaf.validTo), 0);
  }

  #namesOfNow(): readonly string[] {
    const { current } = this.#deps.outside;
    return current.ok ? current.value.hosts : [];
  }

  #issue(): ServerIdentity {
    const before = this.#names;
    this.#names = [...new Set([...this.#namesOfNow(), ...before])].slice(0, maxNames);
    if (this.#names.join() !== before.join()) this.#deps.names.write(this.#names);
    // A certificate names something, even where nobody can know yet how the hub is reached.
    return this.#deps.ca.issueServer(this.#names.length > 0 ? this.#names : ['localhost']);
  }
}
