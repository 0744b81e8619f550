/** HTTP to any service, as `exchange.ts` does it; over TLS only to one that is recognised. What proves the client is in the messages. */
import { Agent } from 'undici';
import { MacaroonError } from '../core/index.js';
import type { ClientCertificate } from './credential.js';
import { type ExchangeLimits, exchange, exchangeLimits, type OutgoingMessage, type WholeAnswer } from './exchange.js';
import { readCaFile } from './issuer-endpoint.js';
import { parsePin } from './pin.js';
import { tlsConnector } from './tls.js';

export interface ServiceHttpOptions {
  /** CA certificates that the service's certificate comes from, PEM; those that Node trusts when absent. */
  readonly ca?: string | undefined;
  /** File with the CA certificates, read at the first request. */
  readonly caFile?: string | undefined;
  /** Pin of the service's public key, as curl's `--pinnedpubkey`; alone, or on top of a CA. */
  readonly pinSha256?: string | undefined;
  /** The client's side of TLS, for services that ask for it. */
  readonly tls?: ClientCertificate | undefined;
  /** Longest time for a request and its answer, 1 to 2^31-1 ms; 10,000 when absent. */
  readonly timeoutMs?: number | undefined;
  /** Largest answer in bytes; 16 MiB when absent. */
  readonly maxAnswerBytes?: number | undefined;
}

export class ServiceHttp {
  readonly #options: ServiceHttpOptions;
  readonly #limits: ExchangeLimits;
  #agent: Promise<Agent> | undefined;

  /** Throws `ERR_ARGUMENT` for a pin or a limit that cannot be one, and for both `ca` and `caFile`. */
  constructor(options: ServiceHttpOptions) {
    this.#options = options;
    if (options.pinSha256 !== undefined) parsePin(options.pinSha256);
    if (options.ca !== undefined && options.caFile !== undefined) {
      throw new MacaroonError('ERR_ARGUMENT', 'give either ca or caFile', { argument: 'caFile' });
    }
    this.#limits = exchangeLimits(options);
  }

  /** The answer to `message`. Throws `ERR_SERVICE_*`, and `ERR_ARGUMENT` for a CA or a client certificate that cannot be used. */
  async request(message: OutgoingMessage): Promise<WholeAnswer> {
    const { ca, caFile, pinSha256, tls } = this.#options;
    if (message.origin.startsWith('http:') && [ca, caFile, pinSha256, tls].some((one) => one !== undefined)) {
      throw new MacaroonError('ERR_ARGUMENT', 'a CA, a pin and a client certificate are for https', { argument: 'url' });
    }
    return await exchange(await this.#connect(), message, this.#limits, 'service');
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    const agent = await this.#agent?.catch(() => undefined);
    await agent?.destroy();
  }

  #connect(): Promise<Agent> {
    // A CA file that could not be read is tried again at the next request.
    this.#agent ??= this.#createAgent().catch((error: unknown) => {
      this.#agent = undefined;
      throw error;
    });
    return this.#agent;
  }

  async #createAgent(): Promise<Agent> {
    const { ca, caFile, pinSha256, tls } = this.#options;
    const { timeoutMs } = this.#limits;
    const trust = { ca: caFile === undefined ? ca : await readCaFile(caFile), pinSha256 };
    // It makes plain connections for plain http.
    const connect = tlsConnector(trust, tls, timeoutMs);
    return new Agent({ headersTimeout: timeoutMs, bodyTimeout: timeoutMs, connect });
  }
}
