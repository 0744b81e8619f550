/** For services that cannot hold keys: the issuer verifies each token. A lost issuer is an error, never an answer. */
import { decode, decodeIdentifier, type IdentifierFacts, MacaroonError, someCoverAction } from '../../core/index.js';
import { AnswerKey } from '../../protocol/sealed-answer.js';
import type { VerifyRequest } from '../../protocol/wire.js';
import type { Credential } from '../../transport/credential.js';
import { denialProblems } from '../denial-response.js';
import { caveatStep, explanationOf } from '../explanation.js';
import { markVerified } from '../mark-verified.js';
import type {
  Denial,
  DenialCode,
  ExplainedCaveat,
  ExplainedStep,
  RemoteSource,
  VerifiedMacaroon,
  VerifyContext,
  VerifyResult,
} from '../result.js';
import type { ToldRequest } from '../sent-request.js';
import { readBase64url, readObject, readText, readTime, unreadable } from './issuer-answers.js';
import { httpIssuerApi, type IssuerApi } from './issuer-api.js';

/**
 * A source that asks the issuer named in `credential`, whose client must be a verifier of the audience, about each token. The context's
 * facts are sent as JSON. `verify` and `explain` throw `ERR_ISSUER_*`, and `ERR_ARGUMENT` for a fact that JSON cannot hold. Throws `ERR_ARGUMENT`.
 */
export function remoteVerification(credential: Credential): RemoteSource {
  return remoteVerificationFrom(httpIssuerApi(credential));
}

/** `remoteVerification` on any `IssuerApi`; what it answers is read as a stranger's. */
export function remoteVerificationFrom(api: IssuerApi): RemoteSource {
  const ask = async (audience: string, text: string, context: VerifyContext): Promise<Answer> => {
    const request = requestOf(audience, text, context);
    const answer = await api.verify(request);
    // First of all, so that whatever is answered to a sealed request can be signed.
    const answerKey = readAnswerKey(answer);
    if (answerKey !== undefined && isTold(context.request)) context.request.onAnswerKey?.(answerKey);
    return readAnswer(answer, request);
  };
  return Object.freeze({
    kind: 'remote',
    verify: async (audience: string, text: string, context: VerifyContext) => (await ask(audience, text, context)).result,
    explain: async (audience: string, text: string, context: VerifyContext) => {
      const { result, caveats } = await ask(audience, text, context);
      return explanationOf(result, caveats, (all) => [...stepsOf(result), ...all.map(caveatStep)]);
    },
    close: () => api.close(),
  } satisfies RemoteSource);
}

/** What the issuer tells beside the caveats. */
function stepsOf(result: VerifyResult): readonly ExplainedStep[] {
  if (result.ok) return [{ holds: true, text: 'issuer: the token is genuine, in force, and covers the action' }];
  return result.caveatIndex === undefined ? [{ holds: false, text: `issuer: ${result.message}` }] : [];
}

interface Answer {
  readonly result: VerifyResult;
  readonly caveats: readonly ExplainedCaveat[];
}

function requestOf(audience: string, token: string, context: VerifyContext): VerifyRequest {
  const { request, certificateThumbprint, keyThumbprint, ...facts } = context;
  const told = isTold(request) ? { authority: request.authority, target: request.target, digest: request.digest } : undefined;
  const bound = { request: told, certificate_thumbprint: certificateThumbprint, key_thumbprint: keyThumbprint };
  try {
    return { token, audience, context: JSON.parse(JSON.stringify({ ...facts, ...bound })) };
  } catch (cause) {
    throw new MacaroonError('ERR_ARGUMENT', 'a fact for remote verification must be a JSON value', {
      argument: 'context',
      cause,
    });
  }
}

function isTold(request: VerifyContext['request']): request is ToldRequest {
  return request !== undefined && 'digest' in request;
}

function readAnswerKey(answer: unknown): AnswerKey | undefined {
  const text = readObject(answer)['answer_key'];
  return text === undefined ? undefined : new AnswerKey(readBase64url(text, 32));
}

function readAnswer(answer: unknown, request: VerifyRequest): Answer {
  const fields = readObject(answer);
  const caveats = fields['caveats'] === undefined ? [] : readList(fields['caveats']).map(readCaveat);
  if (fields['authorized'] === true) return { result: readVerified(fields, caveats, request), caveats };
  if (fields['authorized'] === false) return { result: readDenial(fields), caveats };
  throw unreadable('authorized');
}

/** The token that was asked about, of which the answer may narrow actions and expiry, and nothing else. */
function readVerified(
  fields: Readonly<Record<string, unknown>>,
  caveats: readonly ExplainedCaveat[],
  { token, audience, context }: VerifyRequest,
): VerifiedMacaroon {
  const facts = factsOf(token);
  const actions = readList(fields['actions']).map((action) => readText(action, (text) => someCoverAction(facts.actions, text)));
  const expiresAtMs = readTime(fields['expires_at']);
  if (caveats.some((caveat) => !caveat.holds) || !areThose(caveats, token)) throw unreadable('a caveat');
  if (facts.audience !== audience || !someCoverAction(actions, context.action) || expiresAtMs > facts.expiresAtMs) {
    throw unreadable('the token that was asked about');
  }
  return markVerified({
    client: readText(fields['client'], (text) => text === facts.client),
    audience: readText(fields['audience'], (text) => text === audience),
    tokenId: readText(fields['token_id'], (text) => text === facts.tokenId),
    rootKeyId: readText(fields['root_key_id'], (text) => text === facts.rootKeyId),
    authMethods: facts.authMethods,
    actions: Object.freeze(actions),
    issuedAtMs: facts.issuedAtMs,
    expiresAtMs,
    caveats: Object.freeze(caveats.map((caveat) => caveat.condition)),
  });
}

/** Whether `caveats` are the first-party ones of `token`, each once. */
function areThose(caveats: readonly ExplainedCaveat[], token: string): boolean {
  const { root, discharges } = decode(token);
  const wanted = [root, ...discharges].flatMap((macaroon, i) =>
    macaroon.caveats.flatMap((caveat, caveatIndex) =>
      caveat.kind === 'first-party' ? [`${i - 1}.${caveatIndex} ${new TextDecoder().decode(caveat.condition)}`] : [],
    ),
  );
  const told = new Set(
    caveats.map(({ dischargeIndex = -1, caveatIndex, condition }) => `${dischargeIndex}.${caveatIndex} ${condition}`),
  );
  return caveats.length === wanted.length && wanted.every((one) => told.has(one));
}

function factsOf(token: string): IdentifierFacts {
  try {
    return decodeIdentifier(decode(token).root.identifier);
  } catch {
    throw unreadable('the identifier of the token that was asked about');
  }
}

function readDenial(fields: Readonly<Record<string, unknown>>): Denial {
  const code = readText(fields['code'], isDenialCode);
  const place = fields['caveat_index'] === undefined ? {} : readPlace(fields);
  return Object.freeze({ ok: false, code: code as DenialCode, message: readText(fields['message']), ...place });
}

function isDenialCode(text: string): text is DenialCode {
  return Object.hasOwn(denialProblems, text);
}

function readCaveat(answer: unknown): ExplainedCaveat {
  const fields = readObject(answer);
  const { holds } = fields;
  if (typeof holds !== 'boolean') throw unreadable('a caveat');
  return { condition: readText(fields['condition']), holds, message: readText(fields['message']), ...readPlace(fields) };
}

function readPlace(fields: Readonly<Record<string, unknown>>): {
  readonly caveatIndex: number;
  readonly dischargeIndex?: number;
} {
  const caveatIndex = readIndex(fields['caveat_index']);
  const dischargeIndex = fields['discharge_index'];
  return dischargeIndex === undefined ? { caveatIndex } : { caveatIndex, dischargeIndex: readIndex(dischargeIndex) };
}

function readIndex(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw unreadable('an index');
  return value;
}

function readList(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw unreadable('a list');
  return value;
}
