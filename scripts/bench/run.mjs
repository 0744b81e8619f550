/**
 * How long it takes to judge a token with five caveats, beside other ways to do it on the same machine in the same run: `npm run bench`.
 * Every token text is a fresh string. The ways take turns, round by round, so that a busy moment does not fall on one of them alone;
 * printed are the quickest and the median round, in microseconds of CPU time for one token.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import macaroonPackage from 'macaroon';
import { attenuate, decode, encode, encodeIdentifier, MacaroonKey, mint, verifySignature } from 'macaroond';
import { createVerifier, staticKeys } from 'macaroond/verifier';
import { createUuidV7 } from '../../dist/core/index.js';

const rounds = 30;
const tokensInRound = 400;

const keyBytes = new Uint8Array(randomBytes(32));
const key = new MacaroonKey(keyBytes);
const rootKeyId = new Uint8Array(randomBytes(16));
const nowMs = Date.now();

/** A new token with five caveats, as `attenuate` makes them. */
function newToken() {
  const identifier = encodeIdentifier({
    rootKeyId,
    generation: 0,
    tokenId: createUuidV7(nowMs, (length) => new Uint8Array(randomBytes(length))),
    expiresAtMs: nowMs + 3_600_000,
    audience: 'invoice',
    client: 'mail',
    authMethods: ['client_secret_basic'],
    actions: ['invoices:read', 'invoices:list'],
  });
  return attenuate(encode({ root: mint(key, identifier), discharges: [] }), {
    expiresIn: '10m',
    actions: ['invoices:read'],
    ips: ['10.0.0.0/8'],
    methods: ['GET'],
    paths: ['/invoices'],
  });
}

const context = { action: 'invoices:read', ip: '10.1.2.3', method: 'GET', path: '/invoices/7' };
const verifier = createVerifier({
  audience: 'invoice',
  keys: staticKeys([{ rootKeyId: Buffer.from(rootKeyId).toString('base64url'), generation: 0, client: 'mail', key: keyBytes }]),
});

async function verifyWhole(text) {
  const result = await verifier.verify(text, context);
  if (!result.ok) throw new Error(result.code);
}

function textToSignature(text) {
  if (!verifySignature(decode(text), key).ok) throw new Error('the signature does not hold');
}

const generator = 'macaroons-key-generator';
const chainKey = createHmac('sha256', generator).update(keyBytes).digest();

function chainOfNode({ parts }) {
  let signature = chainKey;
  for (const part of parts) signature = createHmac('sha256', signature).update(part).digest();
}

function chainOfNoble({ parts }) {
  let signature = chainKey;
  for (const part of parts) signature = hmac(sha256, signature, part);
}

function npmMacaroon({ json }) {
  macaroonPackage.importMacaroon(json).verify(keyBytes, () => null, []);
}

/** What the ways of others start from: bytes for the chain alone, JSON for npm macaroon (its binary form cannot hold five caveats). */
function forOthers(text) {
  const { root } = decode(text);
  const base64 = (bytes) => Buffer.from(bytes).toString('base64url');
  const c = root.caveats.map(({ condition }) => ({ i64: base64(condition) }));
  return {
    parts: [root.identifier, ...root.caveats.map(({ condition }) => condition)],
    json: { v: 2, i64: base64(root.identifier), s64: base64(root.signature), c },
  };
}

const ways = [
  { name: 'macaroond, verify, token not seen before', run: verifyWhole },
  { name: 'macaroond, verify, token seen before', run: verifyWhole, repeats: true },
  { name: 'macaroond, text to signature', run: textToSignature },
  { name: 'createHmac, chain alone', run: chainOfNode, prepare: forOthers },
  { name: '@noble/hashes, chain alone', run: chainOfNoble, prepare: forOthers },
  { name: 'npm macaroon, JSON to signature', run: npmMacaroon, prepare: forOthers },
];

/** CPU microseconds for one token. */
async function measure({ run, prepare = (text) => text, repeats = false }) {
  const inputs = Array.from({ length: tokensInRound }, () => prepare(newToken()));
  if (repeats) for (const input of inputs) await run(input);
  const before = process.cpuUsage();
  for (const input of inputs) await run(input);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / tokensInRound;
}

const measured = new Map(ways.map(({ name }) => [name, []]));
for (let round = -3; round < rounds; round++) {
  for (const way of ways) {
    const microseconds = await measure(way);
    // The first rounds are for the compiler.
    if (round >= 0) measured.get(way.name).push(microseconds);
  }
}

console.log(`Node ${process.version}, ${rounds} rounds of ${tokensInRound} tokens with 5 caveats, microseconds a token`);
for (const [name, results] of measured) {
  results.sort((a, b) => a - b);
  const [quickest, median] = [results[0], results[rounds >> 1]].map((value) => value.toFixed(1).padStart(7));
  console.log(`${name.padEnd(44)} quickest ${quickest}   median ${median}`);
}
