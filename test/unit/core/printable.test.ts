import { expect, it } from 'vitest';
import { printable } from '../../../src/core/index.js';

it('shows what steers a terminal, breaks a line or hides text as its code', () => {
  expect(printable('a\u001b[2J\r\n\u0085\u200b\u202e\u2028\u2029\ud800z')).toBe(
    'a\\u{1b}[2J\\u{d}\\u{a}\\u{85}\\u{200b}\\u{202e}\\u{2028}\\u{2029}\\u{d800}z',
  );
});

it('leaves all other text as it is', () => {
  const text = 'path /naïve/☃ 😀 "quoted" \\ \u{10ffff}';
  expect(printable(text)).toBe(text);
});
