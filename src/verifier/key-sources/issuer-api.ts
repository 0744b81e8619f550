/** The part of the issuer's HTTP API that a verifier needs, as an interface that tests can stand in for, and on real connections. */
import { type Clock, MacaroonError } from '../../core/index.js';
import type { VerifyRequest } from '../../protocol/wire.js';
import type { Credential } from '../../transport/credential.js';
import { clientEndpoint } from '../../transport/given-credential.js';
import { IssuerHttp } from '../../transport/issuer-http.js';

/** Answers are whatever came as JSON: `issuer-answers.ts` reads them. All throw `ERR_ISSUER_*` and `ERR_INTERFERENCE`. */
export interface IssuerApi {
  /** Keys of `audience` that changed since the cursor `after`; 0 for all. */
  audienceKeys(audience: string, after: number): Promise<unknown>;
  /** One key; `undefined` when the issuer has none (any more). */
  audienceKey(audience: string, rootKeyId: string, generation: number): Promise<unknown>;
  /** Revocations since the cursor `after`; 0 for all. */
  revocations(after: number): Promise<unknown>;
  verify(request: VerifyRequest): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * The API of the issuer that `credential` names, called as its client, by whatever auth method. `clock` is what proofs tell the time by, the system's
 * when absent. Connects at the first call. Throws `ERR_ARGUMENT`.
 */
export function httpIssuerApi(credential: Credential, clock?: Clock): IssuerApi {
  const http = new IssuerHttp(clientEndpoint(credential), { clock });
  return {
    audienceKeys: (audience, after) =>
      http.request('GET', `/v1/audiences/${encodeURIComponent(audience)}/keys`, { query: { after } }),
    audienceKey: (audience, rootKeyId, generation) =>
      foundOrUndefined(
        http.request('GET', `/v1/audiences/${encodeURIComponent(audience)}/keys/${encodeURIComponent(rootKeyId)}`, {
          query: { generation },
        }),
      ),
    revocations: (after) => http.request('GET', '/v1/revocations', { query: { after } }),
    verify: (request) => http.request('POST', '/v1/verify', { body: request }),
    close: () => http.close(),
  };
}

async function foundOrUndefined(answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof MacaroonError && error.code === 'ERR_ISSUER_REFUSED' && error.problem === 'not_found') return undefined;
    throw error;
  }
}
