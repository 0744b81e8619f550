/** Biscuit, whose restrictions are checks in Datalog, here all in one block. Needs `--experimental-wasm-modules` on Node 20. */
import { Authorizer, Biscuit, BiscuitBuilder, KeyPair, PrivateKey } from '@biscuit-auth/biscuit-wasm';
import { biscuitChecksOf, context } from './conditions.mjs';
import { showing, wireOf } from './tokens.mjs';

const keyPair = KeyPair.fromPrivateKey(newPrivateKey());
const privateKey = keyPair.getPrivateKey();
const publicKey = keyPair.getPublicKey();
/** Its own limit of a millisecond is met only when warm. */
const limits = { max_facts: 1000, max_iterations: 100, max_time_micro: 1_000_000 };

function newPrivateKey() {
  return PrivateKey.fromBytes(globalThis.crypto.getRandomValues(new Uint8Array(32)));
}

function mint(count) {
  const builder = new BiscuitBuilder();
  builder.addCode(`client("mail"); audience("invoice"); ${biscuitChecksOf(count).join(' ')}`);
  const token = builder.build(privateKey);
  const text = token.toBase64();
  token.free();
  return text;
}

function verify(text, { action, ip, method, path }) {
  let token;
  const authorizer = new Authorizer();
  try {
    token = Biscuit.fromBase64(text, publicKey);
    authorizer.addToken(token);
    authorizer.addCode(
      `time(${new Date().toISOString().slice(0, 19)}Z); action("${action}"); ip("${ip}"); method("${method}"); path("${path}"); allow if true;`,
    );
    authorizer.authorizeWithLimits(limits);
    return true;
  } catch {
    return false;
  } finally {
    token?.free();
    authorizer.free();
  }
}

/** `text` with one bit changed, of the last signature. */
function forge(text) {
  const bytes = Buffer.from(text, 'base64url');
  bytes[bytes.length - 50] ^= 1;
  return bytes.toString('base64url');
}

export const subject = { name: 'biscuit-wasm', token: mint, verify, forge };

export function verifyFresh(count) {
  return showing(
    [wireOf(mint(count))],
    (text) => verify(text, context),
    (result) => result,
  );
}

export function minting() {
  return { run: () => mint(0) };
}
