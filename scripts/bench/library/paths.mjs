/** Which operations are measured, and who takes part in each. */
import * as biscuit from './biscuit-wasm.mjs';
import { context, differentConditions, wrongContexts } from './conditions.mjs';
import * as jwt from './jwt.mjs';
import { limitOfAttenuating, limitOfMinting, limitOfVerifying } from './limit.mjs';
import * as macaroond from './macaroond.mjs';
import * as npm from './npm-macaroon.mjs';
import { chains } from './techniques.mjs';
import { forge } from './tokens.mjs';

/** As many as the cache of fast-jwt holds by itself would leave it no room. */
const hotTokens = 500;

/** By path, the numbers of caveats, and the contenders by name for each. */
export const paths = {
  'verify-fresh': {
    caveats: [1, 3, 5, 10],
    contenders: async (count) => ({
      macaroond: macaroond.verifyFresh(count),
      limit: limitOfVerifying(count),
      'npm-macaroon': npm.verifyFresh(count),
      ...(await jwt.verifyFresh(count)),
      'biscuit-wasm': biscuit.verifyFresh(count),
    }),
  },
  'verify-seen': {
    caveats: [1, 3, 5, 10],
    contenders: async (count) => ({
      macaroond: await macaroond.verifySeen(count, hotTokens),
      'npm-macaroon': npm.verifyFresh(count),
      ...(await jwt.verifySeen(count, hotTokens)),
    }),
  },
  'verify-child': {
    caveats: [5, 10, 20],
    contenders: async (count) => ({
      macaroond: macaroond.verifyChild(count, { isUnseen: false }),
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
      'biscuit-wasm': biscuit.minting(),
    }),
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

/** Makes sure that everyone who verifies allows what is right and refuses a changed bit and every wrong request. Throws who does not. */
export async function testEveryone() {
  const everyone = [macaroond.subject, npm.subject, ...jwt.subjects, biscuit.subject];
  for (const { name, token, verify, forge: forgeOwn = forge } of everyone) {
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
}
