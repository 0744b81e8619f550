/** npm `macaroon`, on the very tokens that macaroond reads. It writes JSON, as its binary form is broken: three caveats take gigabytes. */
import macaroon from 'macaroon';
import { checkCondition, context } from './conditions.mjs';
import { mail, newDischarged, newIdentifier, newMacaroon, payloadOf, showing, textOf, wireOf } from './tokens.mjs';

/** It reads one macaroon at a time. */
function verify(text, request, dischargeTexts = []) {
  try {
    const [root, ...discharges] = [text, ...dischargeTexts].map((one) => macaroon.importMacaroon(payloadOf(one)));
    root.verify(mail.keyBytes, (condition) => checkCondition(condition, request), discharges);
    return true;
  } catch {
    return false;
  }
}

export const subject = { name: 'npm-macaroon', token: (count) => textOf(newMacaroon(count)), verify };

const isTrue = (result) => result === true;

/** `tokenCount` tokens go round: it remembers none. */
export function verifying(count, tokenCount) {
  const wires = Array.from({ length: tokenCount }, () => wireOf(textOf(newMacaroon(count))));
  return showing(wires, (text) => verify(text, context), isTrue);
}

export function verifyDischarge(count) {
  const { root, discharges } = newDischarged(count);
  const others = discharges.map((one) => textOf(one));
  return showing([wireOf(textOf(root))], (text) => verify(text, context, others), isTrue);
}

export function attenuating(count) {
  return showing([wireOf(payloadOf(textOf(newMacaroon(count))))], (text) => {
    const imported = macaroon.importMacaroon(text);
    imported.addFirstPartyCaveat('method GET');
    return JSON.stringify(imported.exportJSON());
  });
}

export function minting() {
  const identifier = newIdentifier();
  return { run: () => JSON.stringify(macaroon.newMacaroon({ identifier, rootKey: mail.keyBytes }).exportJSON()) };
}

export function decoding(count) {
  return showing([wireOf(payloadOf(textOf(newMacaroon(count))))], (text) => macaroon.importMacaroon(text));
}
