/**
 * The key of the method that `using` calls. Node has it since 20.5. An older Node gets it here as a global, because a
 * polyfill that runs after this package keeps the symbol that it finds.
 */
export const dispose: typeof Symbol.dispose = find('dispose') as never;

/** The key of the method that `await using` calls. */
export const asyncDispose: typeof Symbol.asyncDispose = find('asyncDispose') as never;

function find(name: 'dispose' | 'asyncDispose'): symbol {
  const symbols = Symbol as { dispose?: symbol; asyncDispose?: symbol };
  if (symbols[name] === undefined) Object.defineProperty(Symbol, name, { value: Symbol(`Symbol.${name}`) });
  return Symbol[name];
}
