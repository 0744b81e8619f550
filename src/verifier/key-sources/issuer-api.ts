/** The part of the issuer's HTTP API that a verifier needs, as an interface that tests can stand in for, and on real connections. */
import { MacaroonError } from '../../core/index.js';
import type { VerifyRequest } from '../../protocol/wire.js';
import { basicAuthorization } from '../../transport/basic-authorization.js';
import type { Credential } from '../../transport/credential.js';
import { type HttpMethod, IssuerHttp, type IssuerRequest } from '../../transport/issuer-http.js';

/** Answers are whatever came as JSON: `issuer-answers.ts` reads them. All throw `ERR_ISSUER_*`. */
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

/** The API of the issuer that `credential` names, called as its client. Connects at the first call. Throws `ERR_ARGUMENT`. */
export function httpIssuerApi(credential: Credential): IssuerApi {
  const http = new IssuerHttp(credential);
  const authorization = basicAuthorization(credential);
  const call = (method: HttpMethod, path: string, request: IssuerRequest = {}): Promise<unknown> =>
    http.request(method, path, { ...request, authorization });
  return {
    audienceKeys: (audience, after) => call('GET', `/v1/audiences/${encodeURIComponent(audience)}/keys`, { query: { after } }),
    audienceKey: (audience, rootKeyId, generation) =>
      foundOrUndefined(
        call('GET', `/v1/audiences/${encodeURIComponent(audience)}/keys/${encodeURIComponent(rootKeyId)}`, {
          query: { generation },
        }),
      ),
    revocations: (after) => call('GET', '/v1/revocations', { query: { after } }),
    verify: (request) => call('POST', '/v1/verify', { body: request }),
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
