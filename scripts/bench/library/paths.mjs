/** Which operations are measured, and who takes part in each. */
import { context, differentConditions, wrongContexts } from './conditions.mjs';
import * as jwt from './jwt.mjs';
import { limitOfAttenuating, limitOfMinting, limitOfVerifying } from './limit.mjs';
import * as macaroond from './macaroond.mjs';
import * as npm from './npm-macaroon.mjs';
import { chains } from './techniques.mjs';
import { forge } from './tokens.mjs';

/** How many tokens go round where they were seen before, and with those who remember none. As many as the cache of fast-jwt holds by itself would leave it no room. */
const hotTokens = 500;

/**
 * By path, the numbers of caveats, and the contenders by name for each. Those `late` are measured after all others, beside macaroond once more: the memory of
 * WebAssembly takes buffers away when it grows, after which the engine looks for that wherever anybody in the process reads bytes.
 */
export const paths = {
  'verify-fresh': {
    caveats: [1, 3, 5, 10],
    contenders: async (count) => ({
      macaroond: macaroond.verifyFresh(count),
      limit: limitOfVerifying(count),
      'npm-macaroon': npm.verifying(count, hotTokens),
      ...(await jwt.verifyFresh(count, hotTokens)),
    }),
    late: async (count) => ({ macaroond: macaroond.verifyFresh(count), 'biscuit-wasm': (await biscuit()).verifyFresh(count) }),
  },
  'verify-seen': {
    caveats: [1, 3, 5, 10],
    contenders: async (count) => ({
      macaroond: await macaroond.verifySeen(count, hotTokens),
      'macaroond-revocations': await macaroond.verifySeen(count, hotTokens, macaroond.usualRevocations),
      'npm-macaroon': npm.verifying(count, hotTokens),
      ...(await jwt.verifySeen(count, hotTokens)),
    }),
  },
  'verify-child': {
    caveats: [1, 3, 5, 10, 20],
    contenders: async (count) => ({
      macaroond: macaroond.verifyChild(count, {}),
      'macaroond-elsewhere': macaroond.verifyChild(count, { isElsewhere: true }),
      'macaroond-unseen': macaroond.verifyChild(count, { isUnseen: true }),
    }),
  },
  'verify-discharge': {
    caveats: [2],
    contenders: async (count) => ({ macaroond: macaroond.verifyDischarge(count), 'npm-macaroon': npm.verifyDischarge(count) }),
  },
  attenuate: {
    caveats: [3],
    contenders: async (count) => ({
      macaroond: macaroond.attenuating(count),
      limit: limitOfAttenuating('method GET'),
      'npm-macaroon': npm.attenuating(count),
    }),
  },
  mint: {
    caveats: [0],
    contenders: async () => ({
      macaroond: macaroond.minting(),
      limit: limitOfMinting(),
      'npm-macaroon': npm.minting(),
      ...(await jwt.minting()),
    }),
    late: async () => ({ macaroond: macaroond.minting(), 'biscuit-wasm': (await biscuit()).minting() }),
  },
  decode: {
    caveats: [5],
    contenders: async (count) => ({
      macaroond: macaroond.decoding(count),
      'npm-macaroon': npm.decoding(count),
      ...(await jwt.decoding(count)),
    }),
  },
  chain: { caveats: [5], contenders: async (count) => ({ ...chains(count), limit: limitOfVerifying(count) }) },
  lint: { caveats: [5], contenders: async (count) => ({ macaroond: macaroond.linting(count) }) },
};

let loadedBiscuit;

/** Biscuit, loaded and tested when it is first asked for. */
async function biscuit() {
  if (loadedBiscuit === undefined) {
    loadedBiscuit = await import('./biscuit-wasm.mjs');
    await test(loadedBiscuit.subject);
  }
  return loadedBiscuit;
}

/**
 * Makes sure that everyone who verifies (who is late, when that is loaded) allows what is right and refuses a changed bit and every wrong request. Throws
 * who does not.
 */
export async function testEveryone() {
  for (const subject of [macaroond.subject, npm.subject, ...jwt.subjects]) await test(subject);
}

async function test({ name, token, verify, forge: forgeOwn = forge }) {
  const require = async (expected, what, text, request = context) => {
    if ((await verify(text, request)) !== expected) throw new Error(`${name} ${expected ? 'refuses' : 'allows'} ${what}`);
  };
  for (const count of [0, 1, 3, 5, differentConditions]) {
    const text = await token(count);
    await require(true, `a good token of ${count} conditions`, text);
    await require(false, `a token of ${count} conditions with a changed bit`, forgeOwn(text));
  }
  for (const { from, context: wrong } of wrongContexts) {
    await require(false, `what condition ${from} forbids`, await token(from), wrong);
    await require(true, `what condition ${from} would forbid, without it`, await token(from - 1), wrong);
  }
}
