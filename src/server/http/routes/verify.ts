/**
 * Verifying for services that cannot hold keys. The caller could hold the audience's keys, so it is told the exact code, and what it must sign the
 * answer to a sealed request with; signatures, which would let it attenuate or forge, are never told.
 */
import { formatRfc3339, parseRfc3339 } from '../../../caveats/rfc3339.js';
import { encodeBase64url, MacaroonError } from '../../../core/index.js';
import type { AnswerKey } from '../../../protocol/sealed-answer.js';
import type { VerifyRequest, VerifyResponse, WireCaveat } from '../../../protocol/wire.js';
import type { ExplainedCaveat, Explanation, VerifyContext } from '../../../verifier/result.js';
import { verifyResponse } from '../answer-schemas.js';
import { invalidFields } from '../problem-error.js';
import { verifyRequest } from '../request-schemas.js';
import { defineRoute, type Route } from '../route.js';
import { verifyAnswerText } from '../verify-answer.js';

export const verifyRoutes: readonly Route[] = [
  defineRoute({
    method: 'post',
    path: '/v1/verify',
    access: { by: 'verifier', audience: 'body' },
    summary: 'Whether a token allows a request, with every caveat',
    tag: 'verifiers',
    body: verifyRequest,
    status: 200,
    answer: verifyResponse,
    toText: verifyAnswerText,
    handle: async ({ services, origin, body }) => {
      const { at, request } = body.context;
      if (at !== undefined && request !== undefined) {
        throw invalidFields({ pointer: '/context/at', detail: 'whether a sealed request was used before is known of now alone' });
      }
      let answerKey: AnswerKey | undefined;
      const onAnswerKey = (key: AnswerKey): void => {
        answerKey = key;
      };
      const verifier = services.verifiers.of(body.audience, at === undefined ? undefined : parseRfc3339(at));
      const explanation = await explain(verifier, body, contextOf(body.context, onAnswerKey));
      const { result } = explanation;
      if (!result.ok) await services.issuer.noteFailure({ ...origin, event: 'token.denied', reason: result.code });
      const answer = toAnswer(explanation);
      return answerKey === undefined ? answer : { ...answer, answer_key: encodeBase64url(answerKey.reveal()) };
    },
  }),
];

/** The facts of `context` by the verifier's names, those of a service's own caveats too. */
function contextOf(context: VerifyRequest['context'], onAnswerKey: (key: AnswerKey) => void): VerifyContext {
  const { at: _, request, certificate_thumbprint: certificateThumbprint, key_thumbprint: keyThumbprint, ...others } = context;
  const facts: { action: string; [fact: string]: unknown } = others;
  if (request !== undefined) facts['request'] = { onAnswerKey, ...request };
  if (certificateThumbprint !== undefined) facts['certificateThumbprint'] = certificateThumbprint;
  if (keyThumbprint !== undefined) facts['keyThumbprint'] = keyThumbprint;
  return facts;
}

interface Explainer {
  explain(text: string, context: VerifyContext): Promise<Explanation>;
}

/** A context that the verifier refuses is the caller's fault, not ours. */
async function explain(verifier: Explainer, body: VerifyRequest, context: VerifyContext): Promise<Explanation> {
  try {
    return await verifier.explain(body.token, context);
  } catch (error) {
    if (!(error instanceof MacaroonError) || error.code !== 'ERR_ARGUMENT') throw error;
    throw invalidFields({ pointer: `/context/${error.argument ?? ''}`, detail: 'this fact cannot be given so' });
  }
}

function toAnswer({ result, caveats: explained }: Explanation): VerifyResponse {
  const caveats = explained.map(toWireCaveat);
  if (!result.ok) {
    const { code, message, caveatIndex, dischargeIndex } = result;
    const position = { caveat_index: caveatIndex, discharge_index: dischargeIndex };
    return { authorized: false, code, message, ...position, ...(caveats.length > 0 ? { caveats } : {}) };
  }
  return {
    authorized: true,
    client: result.client,
    token_id: result.tokenId,
    root_key_id: result.rootKeyId,
    audience: result.audience,
    auth_methods: result.authMethods,
    actions: result.actions,
    issued_at: formatRfc3339(result.issuedAtMs),
    expires_at: formatRfc3339(result.expiresAtMs),
    caveats,
  };
}

function toWireCaveat({ condition, holds, message, caveatIndex, dischargeIndex }: ExplainedCaveat): WireCaveat {
  return { condition, holds, message, caveat_index: caveatIndex, discharge_index: dischargeIndex };
}
