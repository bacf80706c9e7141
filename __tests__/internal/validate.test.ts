import { describe as nameOf, requireBoolean, requireLimiter } from '../../lib/internal/validate';

describe('what an error message shows of a value', () => {
  it.each<[unknown, string]>([
    [undefined, 'undefined'],
    [null, 'null'],
    [7n, '7n'],
    [Symbol('s'.repeat(40)), `Symbol(${'s'.repeat(33)}…`],
    [Symbol('s'), 'Symbol(s)'],
    ['', '""'],
    ['a"b', '"a\\"b"'],
    ['x'.repeat(40), JSON.stringify('x'.repeat(40))],
    ['x'.repeat(41), JSON.stringify(`${'x'.repeat(40)}…`)],
    [[1, 2], 'an object'],
    [Object.create(null), 'an object'],
    [() => 1, 'a function'],
    [Promise.resolve(1), 'a promise'],
  ])('is short and harmless: %#', (value, shown) => {
    expect(nameOf(value)).toBe(shown);
  });

  it('is said of booleans and limiters as well', () => {
    expect(requireBoolean('dryRun', true)).toBe(true);
    expect(() => requireBoolean('dryRun', 1)).toThrow(new TypeError('dryRun must be a boolean, got 1'));
    for (const value of [null, {}, () => 1, 'tryAcquire']) {
      expect(() => {
        requireLimiter('limiter', value);
      }).toThrow(new TypeError(`limiter must be a limiter, such as new Semaphore(10), got ${nameOf(value)}`));
    }
  });
});
