import { warn } from '../../lib/internal/warn';
import { collectWarnings } from '../helpers/warnings';

afterEach(() => {
  jest.restoreAllMocks();
});

describe('warn', () => {
  it.each<[string, unknown, string]>([
    ['a string', 'why', 'closing failed: "why"'],
    ['undefined', undefined, 'closing failed: undefined'],
    ['a symbol', Symbol('s'), 'closing failed: Symbol(s)'],
    ['an object that no string can be made of', Object.create(null), 'closing failed: an object'],
  ])('emits one process warning with its code for %s', (_name, thrown, message) => {
    const warnings = collectWarnings();
    warn('WARN_SEMAPHORE_CLOSE_FAILED', 'closing failed', thrown);
    expect(warnings).toEqual([{ message, type: 'SemaphoreWarning', code: 'WARN_SEMAPHORE_CLOSE_FAILED' }]);
  });

  it('shows where an error came from', () => {
    const warnings = collectWarnings();
    const error = new RangeError('too much');
    warn('WARN_SEMAPHORE_DRY_RUN', 'it failed', error);
    expect(warnings).toEqual([
      {
        message: 'it failed: too much',
        type: 'SemaphoreWarning',
        code: 'WARN_SEMAPHORE_DRY_RUN',
        detail: error.stack,
      },
    ]);
  });
});
