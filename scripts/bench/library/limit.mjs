/** The limit of one core without special instructions: the blocks that an operation must hash, in a tight loop, and nothing else. */
import { compressBlock } from '../../../dist/core/sha256-block.js';
import { newMacaroon } from './tokens.mjs';

const blocksOfMessage = (length) => Math.ceil((length + 9) / 64);
/** The two halves of the padded key, the message, and the outer hash. */
const blocksOfStep = (length) => 2 + blocksOfMessage(length) + 1;

/** Verifying `count` caveats, with the padded audience key at hand. */
export function limitOfVerifying(count) {
  const { identifier, caveats } = newMacaroon(count);
  const blocks = caveats.map(({ condition }) => blocksOfStep(condition.length));
  return compressing(blocks.reduce((sum, one) => sum + one, blocksOfMessage(identifier.length) + 1));
}

export function limitOfMinting() {
  return limitOfVerifying(0);
}

/** One more caveat. */
export function limitOfAttenuating(condition) {
  return compressing(blocksOfStep(condition.length));
}

function compressing(blocks) {
  const state = new Int32Array(8);
  return {
    run: () => {
      for (let i = 0; i < blocks; i++) compressBlock(state);
    },
  };
}
