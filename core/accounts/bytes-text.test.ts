import { expect, test } from '@jest/globals';
import { bytesText } from './bytes-text.ts';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1500, '1.5 KB'],
  [999_960, '1 MB'],
  [2_000_000_000, '2 GB'],
  [1_234_567_890_123_456, '1234.6 TB'],
])('%d bytes are %s', (bytes, text) => expect(bytesText(bytes)).toBe(text));
