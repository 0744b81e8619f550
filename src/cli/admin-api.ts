/**
 * Administration of the issuer: calls that carry a macaroon for audience `macaroond`, minted for ten minutes from `admin.json`, or given
 * in `MACAROOND_TOKEN`. Loads the network layer, so commands load it by `await import()`.
 */
import { type MintedToken, readMintedToken } from '../client/mint-answer.js';
import { decodeIdentifier, MacaroonError } from '../core/index.js';
import type { Credential } from '../transport/credential.js';
import type { IssuerEndpoint } from '../transport/issuer-endpoint.js';
import { type HttpMethod, IssuerHttp, type IssuerRequest } from '../transport/issuer-http.js';
import { findAdminCredential, findIssuer, variable } from './environment.js';
import type { AdminOptions } from './options.js';
import { CliError, exitCodes, type Session, usageError } from './session.js';
import { readTokenText } from './token-text.js';

const issuerAudience = 'macaroond';
const tokenSeconds = 600;

/** A connection to the issuer with an administrator's authority. */
export interface AdminApi {
  readonly endpoint: IssuerEndpoint;
  /** `members` must be in the answer. Throws `ERR_ISSUER_*`. */
  call<Answer>(
    method: HttpMethod,
    path: string,
    request: IssuerRequest,
    members: readonly (keyof Answer & string)[],
  ): Promise<Answer>;
}

/** Runs `work` with an administrator's connection, and closes it. */
export async function asAdmin<Result>(
  session: Session,
  options: AdminOptions,
  work: (api: AdminApi) => Promise<Result>,
): Promise<Result> {
  const given = variable(session.io, 'MACAROOND_TOKEN')?.trim();
  if (given !== undefined && isAdminToken(given)) {
    const endpoint = await findIssuer(session.io, options.data);
    return connected(endpoint, (http) => work(apiOf(http, endpoint, given)));
  }
  const credential = await findAdminCredential(session.io, options.data).catch((error: unknown) => {
    if (given === undefined || !(error instanceof CliError)) throw error;
    throw usageError(`${error.message}, and MACAROOND_TOKEN holds no token for audience ${issuerAudience}`, error.details.hint);
  });
  return connected(credential, async (http) => {
    const { token } = await mintAdminToken(http, credential).catch((error: unknown) => {
      throw namingWho(error, credential);
    });
    return work(apiOf(http, credential, token));
  });
}

/** Runs `work` on a connection that proves itself by `credential`, and closes it. */
export async function asClient<Result>(
  credential: Credential,
  work: (call: AdminApi['call']) => Promise<Result>,
): Promise<Result> {
  return connected(credential, (http) => work(callerOf(http))).catch((error: unknown) => {
    throw namingWho(error, credential);
  });
}

/** `error`, with who proved himself to which issuer where that one did not accept the proof: one of several credential files was taken. */
export function namingWho(error: unknown, { client, issuer }: Credential): unknown {
  if (!(error instanceof MacaroonError) || error.problem !== 'invalid_client') return error;
  return new CliError(exitCodes.denied, `client ${client} at ${issuer}: ${error.message}`, { cause: error });
}

/** Runs `work` on a connection that proves nothing, for what anybody may ask, and closes it. */
export async function asNobody<Result>(
  session: Session,
  options: AdminOptions,
  work: (call: AdminApi['call']) => Promise<Result>,
): Promise<Result> {
  return connected(await findIssuer(session.io, options.data), (http) => work(callerOf(http)));
}

async function connected<Result>(endpoint: IssuerEndpoint, work: (http: IssuerHttp) => Promise<Result>): Promise<Result> {
  const http = new IssuerHttp(endpoint);
  try {
    return await work(http);
  } finally {
    await http.close();
  }
}

function apiOf(http: IssuerHttp, endpoint: IssuerEndpoint, token: string): AdminApi {
  return { endpoint, call: callerOf(http, `Macaroon ${token}`) };
}

function callerOf(http: IssuerHttp, authorization?: string): AdminApi['call'] {
  return async <Answer>(
    method: HttpMethod,
    path: string,
    request: IssuerRequest,
    members: readonly (keyof Answer & string)[],
  ) => {
    const answer = await http.request<Answer>(method, path, { ...request, authorization });
    for (const member of members) {
      if (typeof answer === 'object' && answer !== null && member in answer) continue;
      throw new MacaroonError('ERR_ISSUER_ANSWER', `the issuer's answer cannot be used: it lacks ${member}`);
    }
    return answer;
  };
}

async function mintAdminToken(http: IssuerHttp, credential: Credential): Promise<MintedToken> {
  const body = { audience: issuerAudience, expires_in: tokenSeconds };
  const answer = await http.request('POST', '/v1/tokens', { body });
  return readMintedToken(answer, credential.client, body);
}

/**
 * Whether `text` is a token to administer with. Any other one is there for `attenuate`, `inspect` or `verify`, and is not sent to where it
 * does not belong. Throws a `CliError` for what is no token at all, as it may have been meant to be one.
 */
function isAdminToken(text: string): boolean {
  const { identifier } = readTokenText(text, 'MACAROOND_TOKEN').root;
  try {
    return decodeIdentifier(identifier).audience === issuerAudience;
  } catch {
    return false;
  }
}

/** One segment of a path. */
export function segment(text: string): string {
  return encodeURIComponent(text);
}
