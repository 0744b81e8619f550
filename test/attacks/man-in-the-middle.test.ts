/**
 * A man in the middle between our client and the issuer, scheme by scheme: whatever it does, nothing is accepted twice or altered, and where answers
 * prove themselves the client notices. Where they do not, what it cannot notice is listed too: there the word of TLS is all that there is.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InterferenceError, issuerClient, MacaroonError } from '../../src/client/index.js';
import { decodeUtf8, encodeUtf8 } from '../../src/core/index.js';
import { Credential } from '../../src/transport/credential.js';
import {
  headerOf,
  type Intercepted,
  type InterceptedAnswer,
  type Interference,
  type ManInTheMiddle,
  manInTheMiddle,
  sendAsItStands,
  withHeader,
} from '../support/man-in-the-middle.js';
import {
  type Administrator,
  type AttackedIssuer,
  administratorOf,
  askAt,
  audience,
  createInstallation,
  failuresOf,
  type Installation,
  mintBody,
  otherAudience,
  provedRequest,
  type Scheme,
  schemes,
  serveAttacked,
} from './attacked-issuer.js';

let installation: Installation;
let man: ManInTheMiddle;
let server: AttackedIssuer;
let administrator: Administrator;

beforeAll(async () => {
  installation = await createInstallation();
  man = await manInTheMiddle();
  server = await serveAttacked(installation.data, man.origin);
  man.serverPort = server.port;
  man.interfere = carry;
  administrator = await administratorOf(server.process);
});
afterAll(async () => {
  await server?.process.kill();
  await man?.close();
  installation?.remove();
});

const credentialOf = (client: string) => new Credential({ ...partsOf(client) });
const partsOf = (client: string) => {
  const { issuer: _, proof, tls, ...parts } = installation.credential(client);
  return { ...parts, proof, tls, issuer: man.origin };
};

/** The headers by which requests and answers of each scheme prove themselves. */
const proofHeaders = [
  'signature',
  'signature-input',
  'content-digest',
  'macaroond-mac',
  'macaroond-challenge',
  'macaroond-encrypted-time',
];

/** What the client was told, in a word. */
async function outcomeOf(minted: Promise<unknown>): Promise<string> {
  try {
    await minted;
    return 'minted';
  } catch (error) {
    if (error instanceof InterferenceError) return `interference: ${error.kind}, ${error.outcome}`;
    if (error instanceof MacaroonError)
      return [error.code, error.problem, error.outcome].filter((part) => part !== undefined).join(' ');
    throw error;
  }
}

async function mintedBy(client: string): Promise<number> {
  const { entries } = await administrator('GET', `/v1/audit?event=token.minted&client=${client}&limit=1000`);
  return entries.length;
}

const isMint = ({ target, headers }: Intercepted) =>
  target === '/v1/tokens' && !headerOf(headers, 'authorization').startsWith('Basic');
let lastAnswer: InterceptedAnswer | undefined;
/** Carries everything as it is, and remembers the last answer to a request for a token. */
const carry: Interference = async (request, forward) => {
  const answer = await forward(request);
  if (isMint(request)) lastAnswer = answer;
  return answer;
};

/** What is done to one request; `forward` sends it to the server, with what is told changed, as often as it is called. */
type Script = (
  request: Intercepted,
  forward: (changes?: Partial<Intercepted>) => Promise<InterceptedAnswer>,
) => Promise<InterceptedAnswer>;

/** Lets `script` loose on the next request that `matches`, one for a token when absent. What is returned tells that request, as its client sent it. */
function attackNext(script: Script, matches: (request: Intercepted) => boolean = isMint): () => Intercepted | undefined {
  let attacked: Intercepted | undefined;
  man.interfere = (request, forward) => {
    if (!matches(request)) return forward(request);
    man.interfere = carry;
    attacked = request;
    return script(request, (changes = {}) => forward({ ...request, ...changes }));
  };
  return () => attacked;
}

/** What a script ends in that breaks the connection off. */
const broken = () => Promise.reject<InterceptedAnswer>(new Error('broken off'));
const textOf = (answer: InterceptedAnswer) => decodeUtf8(answer.body);
const withText = (answer: InterceptedAnswer, text: string): InterceptedAnswer => ({ ...answer, body: encodeUtf8(text) });
/** Names and values of the headers of a message, or of those that prove it. */
type Fields = readonly (readonly [name: string, value: string])[];
const fieldsOf = ({ headers }: Pick<Intercepted, 'headers'>): Fields =>
  headers.flatMap((name, i) => (i % 2 === 0 ? [[name, headers[i + 1] ?? ''] as const] : []));
const isProof = ([name]: Fields[number]) => proofHeaders.includes(name.toLowerCase());
const proofsOf = (message: Pick<Intercepted, 'headers'>): Fields => fieldsOf(message).filter(isProof);
/** The headers of `message` with `proofs` instead of its own. */
const withProofs = (message: Pick<Intercepted, 'headers'>, proofs: Fields): readonly string[] =>
  [...fieldsOf(message).filter((field) => !isProof(field)), ...proofs].flat();
/** `proofs`, with one character of each MAC, signature or ciphertext changed. */
const damaged = (proofs: Fields): Fields =>
  proofs.map(([name, value]) => {
    const at = value.lastIndexOf(':') - 8;
    const changed = value.slice(0, at) + (value[at] === 'A' ? 'B' : 'A') + value.slice(at + 1);
    return [name, ['signature-input', 'content-digest'].includes(name.toLowerCase()) ? value : changed] as const;
  });

type Family = 'http_sig' | 'shared_key_hmac' | 'unsigned answers';
const familyOf = (scheme: Scheme): Family =>
  scheme.startsWith('sig-') ? 'http_sig' : scheme === 'shared-key' ? 'shared_key_hmac' : 'unsigned answers';

interface Attack {
  readonly name: string;
  /** Does it, to a request of the first client of `scheme`. */
  readonly script: (scheme: Scheme) => Script | Promise<Script>;
  /** How many requests of the first client the issuer carried out. */
  readonly accepted: 0 | 1;
  /** What its client is told. */
  readonly told: string | Readonly<Record<Family, string>>;
  /** What the audit log says of it, in every scheme or each. */
  readonly noted?: string | Readonly<Partial<Record<Scheme, string>>>;
}

const plainlyRefused = 'ERR_ISSUER_REFUSED invalid_client';
/** By an answer that proves itself, and speaks for the copy that the issuer saw. */
const refusedCopy = `${plainlyRefused} unknown`;
const wrong = 'interference: wrong, unknown';
const missing = 'interference: missing, unknown';
const repeated = 'interference: repeated, unknown';
const noticed = (http_sig: string, shared_key_hmac: string, unsigned: string) => ({
  http_sig,
  shared_key_hmac,
  'unsigned answers': unsigned,
});
const refused = noticed(refusedCopy, refusedCopy, plainlyRefused);
/** A change of the request that every scheme's proof covers. */
const ofRequest = { 'sig-hmac': 'signature_wrong', 'sig-ed25519': 'signature_wrong', 'challenge-sign': 'signature_wrong' };
const covered = {
  ...ofRequest,
  'challenge-decrypt': 'signature_wrong',
  'encrypted-time': 'request_wrong',
  'shared-key': 'signature_wrong',
};
const alteredBody = encodeUtf8(JSON.stringify({ audience: otherAudience }));

const attacks: readonly Attack[] = [
  {
    name: 'reads along',
    script: () => (_, forward) => forward(),
    accepted: 1,
    told: 'minted',
  },
  {
    name: 'asks for another audience',
    script: () => (_, forward) => forward({ body: alteredBody }),
    accepted: 0,
    told: refused,
    noted: { ...covered, 'sig-hmac': 'digest_wrong', 'sig-ed25519': 'digest_wrong' },
  },
  {
    name: 'asks for another audience, with the digest of that',
    script: () => async (request, forward) => {
      const { headers } = await provedRequest(partsOf('sig-hmac'), askAt(server.port), { body: alteredBody });
      return await forward({
        body: alteredBody,
        headers: withHeader(request.headers, 'content-digest', headerOf(headers, 'content-digest')),
      });
    },
    accepted: 0,
    told: refused,
    noted: covered,
  },
  {
    name: 'takes the request to another path',
    script: () => (_, forward) => forward({ target: '/v1/revocations' }),
    accepted: 0,
    told: noticed(wrong, refusedCopy, plainlyRefused),
    noted: { ...covered, 'challenge-sign': 'challenge_wrong', 'challenge-decrypt': 'challenge_wrong' },
  },
  {
    name: 'adds a query',
    script: () => (_, forward) => forward({ target: '/v1/tokens?dry=1' }),
    accepted: 0,
    told: noticed(wrong, refusedCopy, plainlyRefused),
    noted: covered,
  },
  {
    name: 'changes the method',
    script: () => (_, forward) => forward({ method: 'PUT' }),
    accepted: 0,
    told: noticed(wrong, refusedCopy, 'ERR_ISSUER_REFUSED method_not_allowed'),
    noted: { 'sig-hmac': 'signature_wrong', 'sig-ed25519': 'signature_wrong', 'shared-key': 'signature_wrong' },
  },
  {
    name: 'changes a header that is not covered',
    script: () => (request, forward) => forward({ headers: withHeader(request.headers, 'content-type', 'text/plain') }),
    accepted: 0,
    told: 'ERR_ISSUER_REFUSED unsupported_media_type',
  },
  {
    name: 'changes the proof',
    script: () => (request, forward) => forward({ headers: withProofs(request, damaged(proofsOf(request))) }),
    accepted: 0,
    told: refused,
    noted: { ...covered, 'encrypted-time': 'ciphertext_wrong' },
  },
  {
    name: 'takes the proof away',
    script: () => (request, forward) => forward({ headers: withProofs(request, []) }),
    accepted: 0,
    told: noticed(missing, missing, plainlyRefused),
  },
  {
    name: 'drops the request',
    script: () => () => broken(),
    accepted: 0,
    told: 'ERR_ISSUER_UNREACHABLE',
  },
  {
    name: 'drops the answer',
    script: () => async (_, forward) => {
      await forward();
      return await broken();
    },
    accepted: 1,
    told: 'ERR_ISSUER_UNREACHABLE',
  },
  {
    name: 'repeats the request and delivers the first answer',
    script: () => async (_, forward) => {
      const answer = await forward();
      await forward();
      return answer;
    },
    accepted: 1,
    told: 'minted',
    noted: 'replayed',
  },
  {
    name: 'repeats the request and delivers the second answer',
    script: () => async (_, forward) => {
      await forward();
      return await forward();
    },
    accepted: 1,
    told: refused,
    noted: 'replayed',
  },
  {
    name: 'delivers a genuine refusal of an altered copy in place of the success',
    script: () => async (_, forward) => {
      await forward();
      return await forward({ body: alteredBody });
    },
    accepted: 1,
    told: refused,
  },
  {
    name: 'changes the status',
    script: () => async (_, forward) => ({ ...(await forward()), status: 200 }),
    accepted: 1,
    told: noticed(wrong, wrong, 'minted'),
  },
  {
    name: 'makes a failure of the success',
    script: () => async (_, forward) => ({ ...(await forward()), status: 500 }),
    accepted: 1,
    told: noticed(wrong, wrong, 'ERR_ISSUER_ANSWER'),
  },
  {
    name: 'changes the media type of the answer',
    script: () => async (_, forward) => {
      const answer = await forward();
      return { ...answer, headers: withHeader(answer.headers, 'content-type', 'text/html') };
    },
    accepted: 1,
    told: noticed(wrong, 'ERR_ISSUER_ANSWER', 'ERR_ISSUER_ANSWER'),
  },
  {
    name: 'changes the body of the answer',
    script: () => async (_, forward) => {
      const answer = await forward();
      return withText(answer, `${textOf(answer)} `);
    },
    accepted: 1,
    told: noticed(wrong, wrong, 'minted'),
  },
  {
    name: 'changes the proof of the answer',
    script: () => async (_, forward) => {
      const answer = await forward();
      return { ...answer, headers: withProofs(answer, damaged(proofsOf(answer))) };
    },
    accepted: 1,
    told: noticed(wrong, wrong, 'minted'),
  },
  {
    name: 'takes the proof of the answer away',
    script: () => async (_, forward) => {
      const answer = await forward();
      return { ...answer, headers: withProofs(answer, []) };
    },
    accepted: 1,
    told: noticed(missing, missing, 'minted'),
  },
  {
    name: 'delivers an answer that the client has seen',
    script: () => {
      const seen = lastAnswer;
      return async (_, forward) => {
        const answer = await forward();
        return seen ?? answer;
      };
    },
    accepted: 1,
    told: noticed(repeated, repeated, 'minted'),
  },
  {
    name: 'delivers an answer to a request of the attacker, who has a client too',
    script: async (scheme) => {
      const answer = await sendAsItStands(server.port, await provedRequest(partsOf(`${scheme}-other`), askAt(server.port)));
      expect(answer.status).toBe(201);
      return async (_, forward) => {
        await forward();
        return answer;
      };
    },
    accepted: 1,
    told: noticed(wrong, wrong, 'ERR_ISSUER_ANSWER'),
  },
  {
    name: 'puts the proof of another client into the request',
    script: async (scheme) => {
      const other = await provedRequest(partsOf(`${scheme}-other`), askAt(server.port));
      return async (request, forward) => {
        const answer = await forward({ headers: withProofs(request, proofsOf(other)) });
        expect(JSON.parse(textOf(answer)).client).toBe(`${scheme}-other`);
        return answer;
      };
    },
    accepted: 0,
    told: noticed(wrong, wrong, 'ERR_ISSUER_ANSWER'),
  },
  {
    name: 'says that the proof is of another client',
    script: (scheme) => async (request, forward) => {
      const [own, other] = [scheme, `${scheme}-other`].map((client) => installation.credential(client));
      const renamed = proofsOf(request).map(
        ([name, value]) =>
          [
            name,
            value.replace(`"${own?.credentialId}"`, `"${other?.credentialId}"`).replace(`"${scheme}"`, `"${scheme}-other"`),
          ] as const,
      );
      expect(renamed).not.toEqual(proofsOf(request));
      const answer = await forward({ headers: withProofs(request, renamed) });
      expect(answer.status).toBe(401);
      return answer;
    },
    accepted: 0,
    told: noticed(refusedCopy, wrong, plainlyRefused),
  },
];

describe.each(schemes)('%s: a man in the middle who', (scheme) => {
  const family = familyOf(scheme);

  it.each(attacks)('$name', async ({ script, accepted, told, noted }) => {
    const client = issuerClient(credentialOf(scheme));
    try {
      // An honest exchange first, so that there is something to repeat.
      await client.mint({ audience });
      const prepared = await script(scheme);
      const before = await mintedBy(scheme);
      const attackedRequest = attackNext(prepared);
      const outcome = await outcomeOf(client.mint({ audience }));
      expect({ outcome, accepted: (await mintedBy(scheme)) - before }).toEqual({
        outcome: typeof told === 'string' ? told : told[family],
        accepted,
      });
      const attacked = attackedRequest();
      expect(attacked === undefined ? '' : decodeUtf8(attacked.body)).toBe(decodeUtf8(mintBody));
      // What was seen on the way is good once at most, whatever became of it.
      if (attacked !== undefined) for (const _ of [1, 2]) await sendAsItStands(server.port, attacked);
      expect((await mintedBy(scheme)) - before).toBeLessThanOrEqual(1);
      expect(await outcomeOf(client.mint({ audience }))).toBe('minted');
      const reason = typeof noted === 'string' ? noted : noted?.[scheme];
      if (reason !== undefined) expectedNotes.push([scheme, reason]);
    } finally {
      await client.close();
    }
  });
});

describe.each(['challenge-sign', 'challenge-decrypt'] as const)('%s: a man in the middle who', (scheme) => {
  const isChallenge = ({ target }: Intercepted) => target === '/v1/challenges';
  const withMembers = (answer: InterceptedAnswer, change: (members: Record<string, string>) => object) =>
    withText(answer, JSON.stringify({ ...JSON.parse(textOf(answer)), ...change(JSON.parse(textOf(answer))) }));
  const damagedText = (text: string) => `${text.startsWith('A') ? 'B' : 'A'}${text.slice(1)}`;
  const challengeOf = async (client: string, purpose = 'POST /v1/tokens'): Promise<InterceptedAnswer> => {
    const mode = scheme === 'challenge-sign' ? 'sign' : 'decrypt';
    const body = encodeUtf8(JSON.stringify({ client, mode, purpose }));
    const headers = ['host', new URL(man.origin).host, 'content-type', 'application/json', 'content-length', '0'];
    return await sendAsItStands(server.port, { method: 'POST', target: '/v1/challenges', headers, body });
  };
  const unusable = 'ERR_ISSUER_ANSWER';
  /** Who decrypts sees what a challenge was made for; who signs leaves that to the issuer. */
  const bySign = (told: string) => (scheme === 'challenge-sign' ? told : unusable);

  it.each<[name: string, script: Script, told: string, noted?: string]>([
    [
      'says that the challenge is of another server',
      async (_, forward) => withMembers(await forward(), () => ({ server: 'https://issuer.example' })),
      unusable,
    ],
    [
      'changes the challenge',
      async (_, forward) =>
        withMembers(await forward(), ({ challenge, encrypted_challenge: encrypted }) =>
          challenge === undefined ? { encrypted_challenge: damagedText(encrypted ?? '') } : { challenge: damagedText(challenge) },
        ),
      bySign(plainlyRefused),
      'signature_wrong',
    ],
    ['delivers a challenge for another client', () => challengeOf(`${scheme}-other`), bySign(plainlyRefused), 'challenge_wrong'],
    [
      'delivers a challenge for another purpose',
      () => challengeOf(scheme, 'POST /v1/revocations'),
      bySign(plainlyRefused),
      'challenge_wrong',
    ],
    ['drops the challenge', () => broken(), 'ERR_ISSUER_UNREACHABLE'],
  ])('%s', async (_, script, told, noted) => {
    const client = issuerClient(credentialOf(scheme));
    try {
      const before = await mintedBy(scheme);
      attackNext(script, isChallenge);
      expect(await outcomeOf(client.mint({ audience }))).toBe(told);
      expect(await mintedBy(scheme)).toBe(before);
      if (noted !== undefined && told === plainlyRefused) expectedNotes.push([scheme, noted]);
    } finally {
      await client.close();
    }
  });

  it('delivers a challenge that was answered', async () => {
    const client = issuerClient(credentialOf(scheme));
    try {
      let used: InterceptedAnswer | undefined;
      attackNext(async (_, forward) => {
        used = await forward();
        return used;
      }, isChallenge);
      await client.mint({ audience });
      const before = await mintedBy(scheme);
      attackNext(async (_, forward) => used ?? (await forward()), isChallenge);
      expect(await outcomeOf(client.mint({ audience }))).toBe(plainlyRefused);
      expect(await mintedBy(scheme)).toBe(before);
      expectedNotes.push([scheme, 'replayed']);
    } finally {
      await client.close();
    }
  });
});

const expectedNotes: (readonly [client: string, reason: string])[] = [];

describe('the audit log', () => {
  it('names why each attack failed', async () => {
    await server.process.stop();
    for (const scheme of schemes) {
      const reasons = expectedNotes.filter(([client]) => client === scheme).map(([, reason]) => reason);
      const notes = await failuresOf(installation.data, scheme);
      for (const reason of new Set(reasons))
        expect({ scheme, reason, count: notes[reason] ?? 0 }).not.toMatchObject({ count: 0 });
    }
  });
});
