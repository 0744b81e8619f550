/** Sends sealed requests to a server on loopback, as they are, and checks the answers. */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { PlainAnswer } from '../../../src/protocol/answer-signer.js';
import { InterferenceError } from '../../../src/protocol/interference-error.js';
import { checkSealedAnswer } from '../../../src/protocol/sealed-answer.js';
import type { RequestToSeal, SealedRequest } from '../../../src/protocol/sealed-request.js';
import { authority, posted, seal } from './sealed-samples.js';

export interface CalledAnswer extends PlainAnswer {
  readonly text: string;
  /** `proved`, or what is wrong with the proof. */
  readonly proof: string;
}

export interface CallChanges {
  readonly sealed?: SealedRequest;
  /** What goes over the wire instead of what was sealed. */
  readonly wire?: Partial<RequestToSeal>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Without a `Content-Length`, in chunks. */
  readonly chunked?: boolean;
}

/** Seals `request`, sends it to `port`, and tells what came and whether it proves itself. */
export async function call(port: number, request: Partial<RequestToSeal> = {}, changes: CallChanges = {}): Promise<CalledAnswer> {
  const { sealed = seal(request), wire = {}, headers = {}, chunked = false } = changes;
  const { method, target, contentType, contentEncoding, body } = { ...posted, ...request, ...wire };
  const answer = await send(port, method, target, body, {
    host: authority,
    authorization: `Macaroon ${sealed.text}`,
    ...(contentType === undefined ? {} : { 'content-type': contentType }),
    ...(contentEncoding === undefined ? {} : { 'content-encoding': contentEncoding }),
    ...(chunked ? { 'transfer-encoding': 'chunked' } : body.length > 0 ? { 'content-length': String(body.length) } : {}),
    ...headers,
  });
  const sentMethod = { ...posted, ...request }.method;
  return { ...answer, text: new TextDecoder().decode(answer.body), proof: await proofOf(sealed, sentMethod, answer) };
}

/** What the sender of `sealed` finds when it checks `answer`. */
export async function proofOf(sealed: SealedRequest, method: string, answer: PlainAnswer): Promise<string> {
  const { answerKey, text, tokenId } = sealed;
  try {
    await checkSealedAnswer(answerKey, { method, authorization: `Macaroon ${text}`, tokenId }, answer, () => false);
    return 'proved';
  } catch (error) {
    if (error instanceof InterferenceError) return error.kind;
    throw error;
  }
}

/** One request over a connection of its own. */
export function send(
  port: number,
  method: string,
  path: string,
  body: Uint8Array,
  headers: Readonly<Record<string, string>>,
): Promise<PlainAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ port, host: '127.0.0.1', method, path, headers, agent: false }, (incoming) => {
      const chunks: Uint8Array[] = [];
      incoming.on('data', (chunk: Uint8Array) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode ?? 0, headers: singleValues(incoming.headers), body: Buffer.concat(chunks) }),
      );
    });
    outgoing.on('error', reject);
    // In two parts, so that it does not arrive as one.
    const half = body.length >> 1;
    if (half > 0) outgoing.write(body.subarray(0, half), () => setImmediate(() => outgoing.end(body.subarray(half))));
    else outgoing.end(body);
  });
}

function singleValues(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]));
}
