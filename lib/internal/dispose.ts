/**
 * The key of the method that `using` calls. Node has it since 20.5. An older Node gets it here as a global, because a
 * polyfill that runs after this package keeps the symbol that it finds.
 */
export const dispose: typeof Symbol.dispose = findDispose();

function findDispose(): typeof Symbol.dispose {
  const { dispose: existing } = Symbol as { dispose?: typeof Symbol.dispose };
  if (existing === undefined) Object.defineProperty(Symbol, 'dispose', { value: Symbol('Symbol.dispose') });
  return Symbol.dispose;
}
