/**
 * A man in the middle between `sealedFetch` and a service: whatever it does to requests, tokens and answers, nothing that was not sealed is carried
 * out, nothing is carried out twice, and the client notices.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { attenuate, InterferenceError, MacaroonError, type SealedFetch, sealedFetch } from '../../src/client/index.js';
import { addFirstPartyCaveat, decode, decodeUtf8, encode, encodeUtf8, type Macaroon } from '../../src/core/index.js';
import { sealRequest } from '../../src/protocol/sealed-request.js';
import { createVerifier, type RefusalCause, staticKeys, type Verifier } from '../../src/verifier/index.js';
import { requireMacaroon } from '../../src/verifier/node.js';
import {
  headerOf,
  type Intercepted,
  type InterceptedAnswer,
  type ManInTheMiddle,
  manInTheMiddle,
  sendAsItStands,
  transparent,
  withHeader,
} from '../support/man-in-the-middle.js';
import { audience, audienceKey, client, generation, nowMs, rootKeyId, staticKey, tokenOf } from '../unit/verifier/samples.js';
import { eternalStore } from '../unit/verifier/sealed-samples.js';

const otherAudience = 'billing';
const token = tokenOf({ issuedAtMs: nowMs - 60_000 });
const body = '{"sum":42}';
const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body };

let man: ManInTheMiddle;
/** For everybody. */
let timeMs = nowMs;
/** What the services carried out, and why they refused the rest. */
const handled: string[] = [];
const refused: string[] = [];
const services: Server[] = [];
const verifiers: Verifier[] = [];
let invoicePort = 0;
/** Of the same audience, by another name. */
let branchPort = 0;
/** Of another audience. */
let billingPort = 0;

async function serve(name: string, origin: string, ofAudience = audience): Promise<number> {
  const key = { rootKeyId, generation, client, key: audienceKey(generation, ofAudience).reveal() };
  const keys = staticKeys([ofAudience === audience ? staticKey : key]);
  const clock = () => timeMs;
  const verifier = createVerifier({ audience: ofAudience, keys, clock, origins: [origin], replayStore: eternalStore() });
  verifiers.push(verifier);
  const guard = requireMacaroon(verifier, { action: 'invoices:read', onRefused: (cause) => refused.push(reasonOf(cause)) });
  const server = createServer(async (request, response) => {
    if ((await guard(request, response)) === undefined) return;
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    handled.push(`${name}: ${request.method} ${request.url} ${text}`.trim());
    response.writeHead(201, { 'content-type': 'text/plain', location: '/invoices/8' }).end('made');
  });
  services.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function reasonOf(cause: RefusalCause): string {
  if (cause.kind === 'denial') return cause.denial.code;
  return cause.kind === 'request' ? cause.fault : String(cause.error);
}

let fetch: SealedFetch;
beforeAll(async () => {
  man = await manInTheMiddle();
  invoicePort = await serve('invoice', man.origin);
  branchPort = await serve('branch', 'http://branch.example');
  billingPort = await serve('billing', man.origin, otherAudience);
  man.serverPort = invoicePort;
});
afterAll(async () => {
  await man?.close();
  for (const verifier of verifiers) await verifier.close();
  for (const server of services) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
beforeEach(() => {
  timeMs = nowMs;
  handled.length = 0;
  refused.length = 0;
  fetch = sealedFetch(token, { clock: () => timeMs });
});
afterEach(() => fetch.close());

/** What is done to one request; `forward` sends it to the service, with what is told changed, as often as it is called. */
type Script = (
  request: Intercepted,
  forward: (changes?: Partial<Intercepted>) => Promise<InterceptedAnswer>,
) => Promise<InterceptedAnswer>;

/** Lets `script` loose on the next request, and on no other. Resolves to what the client was told, in a word. */
async function told(script: Script, init: Parameters<SealedFetch>[1] = post, target = '/invoices?draft=1'): Promise<string> {
  man.interfere = (request, forward) => {
    man.interfere = transparent;
    return script(request, (changes = {}) => forward({ ...request, ...changes }));
  };
  try {
    const answer = await fetch(`${man.origin}${target}`, init);
    return `${answer.status} ${answer.outcome}`;
  } catch (error) {
    if (error instanceof InterferenceError) return `interference: ${error.kind}, ${error.outcome}`;
    if (error instanceof MacaroonError) return error.code;
    throw error;
  }
}

const broken = () => Promise.reject<InterceptedAnswer>(new Error('broken off'));
const withField = <Message extends Intercepted | InterceptedAnswer>(message: Message, name: string, value?: string): Message => ({
  ...message,
  headers: withHeader(message.headers, name, value),
});
/** `request` with another token, made of its own. */
const withToken = (request: Intercepted, change: (root: Macaroon, text: string) => string) => {
  const text = headerOf(request.headers, 'authorization').slice('Macaroon '.length);
  return withField(request, 'authorization', `Macaroon ${change(decode(text).root, text)}`);
};
const textOf = (root: Macaroon) => encode({ root, discharges: [] });
const alteredBody = encodeUtf8('{"sum":43}');
/** What somebody seals to the same request who has a token of his own. */
const sealedBy = (text: string, { method, target, headers, body: content }: Intercepted) =>
  sealRequest(
    text,
    { method, authority: new URL(man.origin).host, target, contentType: headerOf(headers, 'content-type'), body: content },
    { clock: () => nowMs, randomBytes: (length) => globalThis.crypto.getRandomValues(new Uint8Array(length)) },
  ).text;

const mine = [`invoice: POST /invoices?draft=1 ${body}`];
const nothing: readonly string[] = [];
const wrong = 'interference: wrong, unknown';
const missing = 'interference: missing, unknown';

interface Attack {
  readonly name: string;
  readonly script: Script;
  readonly handled: readonly string[];
  readonly told: string;
  /** Why the service refused something. */
  readonly reason?: string;
}

const onRequests: readonly Attack[] = [
  { name: 'reads along', script: (_, forward) => forward(), handled: mine, told: '201 known' },
  {
    name: 'changes the body',
    script: (_, forward) => forward({ body: alteredBody }),
    handled: nothing,
    told: '403 unknown',
    reason: 'ERR_CAVEAT_DENIED',
  },
  {
    name: 'takes the request to another path',
    script: (_, forward) => forward({ target: '/invoices/7?draft=1' }),
    handled: nothing,
    told: '403 unknown',
    reason: 'ERR_CAVEAT_DENIED',
  },
  {
    name: 'changes the query',
    script: (_, forward) => forward({ target: '/invoices?draft=0' }),
    handled: nothing,
    told: '403 unknown',
    reason: 'ERR_CAVEAT_DENIED',
  },
  {
    name: 'changes the method',
    script: (_, forward) => forward({ method: 'PUT' }),
    handled: nothing,
    told: wrong,
    reason: 'ERR_CAVEAT_DENIED',
  },
  {
    name: 'asks for another method in a header',
    script: (request, forward) => forward(withField(request, 'x-http-method-override', 'DELETE')),
    handled: nothing,
    told: '403 unknown',
    reason: 'ERR_CAVEAT_DENIED',
  },
  {
    name: 'changes what the body is taken for',
    script: (request, forward) => forward(withField(request, 'content-type', 'text/plain')),
    handled: nothing,
    told: '403 unknown',
    reason: 'ERR_CAVEAT_DENIED',
  },
  {
    name: 'says that the body is compressed',
    script: (request, forward) => forward(withField(request, 'content-encoding', 'gzip')),
    handled: nothing,
    told: '403 unknown',
    reason: 'ERR_CAVEAT_DENIED',
  },
  {
    name: 'changes a header that is not sealed',
    script: (request, forward) => forward(withField(request, 'accept-language', 'de')),
    handled: mine,
    told: '201 known',
  },
  { name: 'drops the request', script: broken, handled: nothing, told: 'ERR_SERVICE_UNREACHABLE' },
  {
    name: 'drops the answer',
    script: async (_, forward) => {
      await forward();
      return await broken();
    },
    handled: mine,
    told: 'ERR_SERVICE_UNREACHABLE',
  },
  {
    name: 'repeats the request and delivers the first answer',
    script: async (_, forward) => {
      const answer = await forward();
      await forward();
      return answer;
    },
    handled: mine,
    told: '201 known',
    reason: 'ERR_REQUEST_REPEATED',
  },
  {
    name: 'repeats the request and delivers the second answer',
    script: async (_, forward) => {
      await forward();
      return await forward();
    },
    handled: mine,
    told: '401 unknown',
    reason: 'ERR_REQUEST_REPEATED',
  },
  {
    name: 'delivers a genuine refusal of an altered copy in place of the success',
    script: async (_, forward) => {
      await forward();
      return await forward({ body: alteredBody });
    },
    handled: mine,
    told: '403 unknown',
    reason: 'ERR_CAVEAT_DENIED',
  },
  {
    name: 'holds the request back until its window is over',
    script: (_, forward) => {
      timeMs += 5_000;
      return forward();
    },
    handled: nothing,
    told: '401 unknown',
    reason: 'ERR_REQUEST_STALE',
  },
  {
    name: 'brings the request to another service of the audience',
    script: (request) => sendAsItStands(branchPort, request),
    handled: nothing,
    told: '403 unknown',
    reason: 'ERR_CAVEAT_DENIED',
  },
  {
    name: 'brings the request to a service of another audience',
    script: (request) => sendAsItStands(billingPort, request),
    handled: nothing,
    told: missing,
    reason: 'ERR_SIGNATURE_MISMATCH',
  },
];

const onTokens: readonly Attack[] = [
  {
    name: 'takes the token away',
    script: (request, forward) => forward(withField(request, 'authorization')),
    handled: nothing,
    told: missing,
    reason: 'missing',
  },
  {
    name: 'presents it as a bearer token',
    script: (request, forward) => {
      const bearer = headerOf(request.headers, 'authorization').replace('Macaroon', 'Bearer');
      return forward(withField(request, 'authorization', bearer));
    },
    handled: nothing,
    told: missing,
    reason: 'bearer-not-allowed',
  },
  {
    name: 'takes the seal off',
    script: (request, forward) => forward(withToken(request, (root) => textOf({ ...root, caveats: root.caveats.slice(0, -1) }))),
    handled: nothing,
    told: missing,
    reason: 'ERR_SIGNATURE_MISMATCH',
  },
  {
    name: 'seals it once more, to another body',
    script: (request, forward) =>
      forward({
        ...withToken(request, (root) => {
          const seal = decodeUtf8(sealCondition(sealedBy(token, { ...request, body: alteredBody })));
          return textOf(addFirstPartyCaveat(root, seal));
        }),
        body: alteredBody,
      }),
    handled: nothing,
    told: wrong,
    reason: 'ERR_CAVEAT_DENIED',
  },
  {
    name: 'adds a caveat behind the seal',
    script: (request, forward) => forward(withToken(request, (root) => textOf(addFirstPartyCaveat(root, 'method POST')))),
    handled: nothing,
    told: missing,
    reason: 'ERR_CAVEAT_DENIED',
  },
  {
    name: 'puts the seal on another token',
    script: (request, forward) =>
      forward(
        withToken(request, (root) => {
          const other = decode(tokenOf({ issuedAtMs: nowMs - 30_000 })).root;
          const seal = root.caveats.at(-1);
          if (seal?.kind !== 'first-party') throw new Error('it is not sealed');
          return textOf(addFirstPartyCaveat({ ...other, signature: root.signature }, decodeUtf8(seal.condition)));
        }),
      ),
    handled: nothing,
    told: missing,
    reason: 'ERR_SIGNATURE_MISMATCH',
  },
  {
    name: 'seals the request with a token of its own',
    script: (request, forward) => forward(withToken(request, () => sealedBy(tokenOf({ issuedAtMs: nowMs - 30_000 }), request))),
    handled: mine,
    told: wrong,
  },
  {
    name: 'seals the request with a token that was narrowed from the same one',
    script: (request, forward) =>
      forward(withToken(request, () => sealedBy(attenuate(token, { conditions: ['method POST'] }), request))),
    handled: mine,
    told: wrong,
  },
];

const onAnswers: readonly Attack[] = (
  [
    ['changes the status', (answer) => ({ ...answer, status: 200 }), wrong],
    ['makes a refusal of the success', (answer) => ({ ...answer, status: 403 }), wrong],
    ['changes the body of the answer', (answer) => ({ ...answer, body: encodeUtf8('MADE') }), wrong],
    ['changes the media type of the answer', (answer) => withField(answer, 'content-type', 'text/html'), wrong],
    ['changes where the answer leads', (answer) => withField(answer, 'location', 'https://evil.example/'), wrong],
    ['says that the answer is compressed', (answer) => withField(answer, 'content-encoding', 'gzip'), wrong],
    ['takes the digest away', (answer) => withField(answer, 'content-digest'), wrong],
    ['takes the signature away', (answer) => withField(withField(answer, 'signature'), 'signature-input'), missing],
    ['changes a header that is not signed', (answer) => withField(answer, 'server', 'nginx'), '201 known'],
  ] satisfies readonly (readonly [string, (answer: InterceptedAnswer) => InterceptedAnswer, string])[]
).map(([name, change, outcome]) => ({
  name,
  script: async (_: Intercepted, forward) => change(await forward()),
  handled: mine,
  told: outcome,
}));

/** The condition by which the token in `text` is sealed. */
function sealCondition(text: string): Uint8Array {
  const seal = decode(text).root.caveats.at(-1);
  if (seal?.kind !== 'first-party') throw new Error('it is not sealed');
  return seal.condition;
}

describe('a man in the middle of a sealed POST who', () => {
  it.each([...onRequests, ...onTokens, ...onAnswers])('$name', async (attack) => {
    const outcome = await told(attack.script);
    expect({ outcome, handled, refused }).toEqual({
      outcome: attack.told,
      handled: attack.handled,
      refused: attack.reason === undefined ? [] : [attack.reason],
    });
    // What was seen on the way is good once at most, whatever became of it.
    const seen = man.requests.at(-1);
    if (seen !== undefined) for (const _ of [1, 2]) await sendAsItStands(invoicePort, seen);
    const sealedByClient = handled.filter((one) => one === mine[0]).length;
    expect(sealedByClient).toBeLessThanOrEqual(attack.told === wrong && onTokens.includes(attack) ? 2 : 1);
    expect(await told((_, forward) => forward())).toBe('201 known');
  });

  it('delivers an answer that the client has seen', async () => {
    let seen: InterceptedAnswer | undefined;
    await told(async (_, forward) => {
      seen = await forward();
      return seen;
    });
    const outcome = await told(async (_, forward) => seen ?? (await forward()));
    expect({ outcome, handled }).toEqual({ outcome: 'interference: repeated, unknown', handled: mine });
  });

  it('exchanges the answers of two requests', async () => {
    let first: InterceptedAnswer | undefined;
    const kept = await told(async (_, forward) => {
      first = await forward();
      return await broken();
    });
    const outcome = await told(async (_, forward) => {
      const answer = await forward();
      return first ?? answer;
    });
    expect([kept, outcome]).toEqual(['ERR_SERVICE_UNREACHABLE', wrong]);
    expect(handled).toEqual([...mine, ...mine]);
  });
});

describe.each(['GET', 'HEAD'])('a man in the middle of a sealed %s who', (method) => {
  const asked = `invoice: ${method} /invoices/7`;
  const attacks: readonly (Pick<Attack, 'name' | 'script' | 'handled' | 'told'> & { readonly sent: number })[] = [
    { name: 'reads along', script: (_, forward) => forward(), handled: [asked], told: '201 known', sent: 1 },
    {
      name: 'changes the path',
      script: (_, forward) => forward({ target: '/invoices/8' }),
      handled: [asked],
      told: '201 known',
      sent: 2,
    },
    {
      name: 'repeats it and delivers the second answer',
      script: async (_, forward) => {
        await forward();
        return await forward();
      },
      handled: [asked, asked],
      told: '201 known',
      sent: 2,
    },
    {
      name: 'delivers a genuine refusal of an altered copy in place of the success',
      script: async (_, forward) => {
        await forward();
        return await forward({ target: '/invoices/8' });
      },
      handled: [asked, asked],
      told: '201 known',
      sent: 2,
    },
    {
      name: 'holds it back until its window is over',
      script: (_, forward) => {
        timeMs += 5_000;
        return forward();
      },
      handled: [asked],
      told: '201 known',
      sent: 2,
    },
    { name: 'changes the method', script: (_, forward) => forward({ method: 'OPTIONS' }), handled: [], told: wrong, sent: 1 },
    {
      name: 'changes the status',
      script: async (_, forward) => ({ ...(await forward()), status: 200 }),
      handled: [asked],
      told: wrong,
      sent: 1,
    },
  ];

  it.each(attacks)('$name', async (attack) => {
    const before = man.requests.length;
    const outcome = await told(attack.script, { method }, '/invoices/7');
    expect({ outcome, handled, sent: man.requests.length - before }).toEqual({
      outcome: attack.told,
      handled: attack.handled,
      sent: attack.sent,
    });
  });
});
