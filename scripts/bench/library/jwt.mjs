/** `fast-jwt` and `jose`, on JSON Web Tokens that hold the same conditions as a claim, each of which is checked. */
import { generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import { createDecoder, createSigner, createVerifier } from 'fast-jwt';
import { decodeJwt, jwtVerify, SignJWT } from 'jose';
import { checkCondition, conditionsOf, context } from './conditions.mjs';
import { showing, wireOf } from './tokens.mjs';

const secret = randomBytes(32);
const pair = generateKeyPairSync('ed25519');
const privatePem = pair.privateKey.export({ format: 'pem', type: 'pkcs8' });
const publicPem = pair.publicKey.export({ format: 'pem', type: 'spki' });
const { subtle } = webcrypto;
const hmacKey = await subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']);
const edPrivateKey = await subtle.importKey('pkcs8', derOf(privatePem), 'Ed25519', false, ['sign']);
const edPublicKey = await subtle.importKey('spki', derOf(publicPem), 'Ed25519', false, ['verify']);

function derOf(pem) {
  return Buffer.from(pem.replaceAll(/-----[^-]+-----/g, ''), 'base64');
}

const expiresAt = Math.floor(Date.now() / 1000) + 3600;
let lastId = 0;

function claimsOf(count) {
  lastId++;
  return { sub: 'mail', aud: 'invoice', exp: expiresAt, jti: String(lastId), conditions: conditionsOf(count) };
}

const areMet = ({ conditions }, request) => conditions.every((condition) => checkCondition(condition, request) === null);

/** A library with an algorithm: how it signs claims, and how it verifies a text and its conditions. */
function fastJwt(algorithm, signingKey, verifyingKey, cache) {
  const sign = createSigner({ algorithm, key: signingKey });
  const read = createVerifier({ algorithms: [algorithm], key: verifyingKey, allowedAud: 'invoice', cache });
  const verify = (text, request) => {
    try {
      return areMet(read(text), request);
    } catch {
      return false;
    }
  };
  return { sign, verify };
}

function jose(algorithm, signingKey, verifyingKey) {
  const sign = (claims) => new SignJWT(claims).setProtectedHeader({ alg: algorithm, typ: 'JWT' }).sign(signingKey);
  const verify = async (text, request) => {
    try {
      const { payload } = await jwtVerify(text, verifyingKey, { algorithms: [algorithm], audience: 'invoice' });
      return areMet(payload, request);
    } catch {
      return false;
    }
  };
  return { sign, verify };
}

const libraries = {
  'fast-jwt-hs256': () => fastJwt('HS256', secret, secret, false),
  'fast-jwt-eddsa': () => fastJwt('EdDSA', privatePem, publicPem, false),
  'jose-hs256': () => jose('HS256', hmacKey, hmacKey),
  'jose-eddsa': () => jose('EdDSA', edPrivateKey, edPublicKey),
};
const cachingLibraries = {
  'fast-jwt-hs256-cache': () => fastJwt('HS256', secret, secret, true),
  'fast-jwt-eddsa-cache': () => fastJwt('EdDSA', privatePem, publicPem, true),
};

/** `text` with one bit of its signature changed. */
function forge(text) {
  const dot = text.lastIndexOf('.');
  const signature = Buffer.from(text.slice(dot + 1), 'base64url');
  signature[7] ^= 1;
  return `${text.slice(0, dot)}.${signature.toString('base64url')}`;
}

export const subjects = Object.entries({ ...libraries, ...cachingLibraries }).map(([name, open]) => {
  const { sign, verify } = open();
  return { name, token: (count) => sign(claimsOf(count)), verify, forge };
});

const isTrue = (result) => result === true;

async function forEach(openers, work) {
  const made = await Promise.all(Object.entries(openers).map(async ([name, open]) => [name, await work(open())]));
  return Object.fromEntries(made);
}

/** Libraries without a cache, by name; `tokenCount` tokens go round. */
export function verifyFresh(count, tokenCount) {
  return forEach(libraries, async ({ sign, verify }) => {
    const texts = await Promise.all(Array.from({ length: tokenCount }, () => sign(claimsOf(count))));
    return showing(texts.map(wireOf), (text) => verify(text, context), isTrue);
  });
}

/** Libraries with a cache, by name; `hotTokens` tokens go round. */
export function verifySeen(count, hotTokens) {
  return forEach(cachingLibraries, async ({ sign, verify }) => {
    const wires = Array.from({ length: hotTokens }, () => wireOf(sign(claimsOf(count))));
    for (const wire of wires) verify(wire.latin1Slice(), context);
    return showing(wires, (text) => verify(text, context), isTrue);
  });
}

/** Signing without conditions. */
export function minting() {
  return forEach(libraries, ({ sign }) => {
    const claims = claimsOf(0);
    return { run: () => sign(claims) };
  });
}

/** Decoding alone, which knows no algorithm. */
export async function decoding(count) {
  const { sign } = libraries['fast-jwt-hs256']();
  const wires = [wireOf(sign(claimsOf(count)))];
  return { 'fast-jwt-hs256': showing(wires, createDecoder()), 'jose-hs256': showing(wires, decodeJwt) };
}
