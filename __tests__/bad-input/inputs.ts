import ts from 'typescript';

/** Types of options that the package passes to other packages and never receives. */
const GIVEN = ['OpenTelemetryMetricOptions'];

/** Lists for each entry where a caller passes values: functions, classes, methods and members of options. */
export function inputsOf(entries: readonly string[], options: ts.CompilerOptions): string[][] {
  const program = ts.createProgram(entries, options);
  return entries.map((entry) => inputsOfEntry(entry, program));
}

function inputsOfEntry(entry: string, program: ts.Program): string[] {
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(entry);
  const module = source && checker.getSymbolAtLocation(source);
  if (module === undefined) throw new Error(`${entry} is no module`);
  return checker.getExportsOfModule(module).flatMap((exported) => {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    const { name, flags } = symbol;
    if (flags & ts.SymbolFlags.Function) return [name];
    const isClass = (flags & ts.SymbolFlags.Class) !== 0;
    if (!isClass && (!/\w(Options|Order)$/.test(name) || GIVEN.includes(name))) return [];
    const members = checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol));
    const own = members.filter((member) => isOurs(member) && (!isClass || isMethod(member)));
    return [...(isClass ? [name] : []), ...own.map((member) => `${name}.${member.name}`)];
  });
}

function isMethod({ flags, name }: ts.Symbol): boolean {
  return (flags & ts.SymbolFlags.Method) !== 0 && !/^(#|__)/.test(name);
}

/** Members that a class inherits from a built-in class are not ours. */
function isOurs({ declarations = [] }: ts.Symbol): boolean {
  return declarations.some(
    (declaration) =>
      declaration.getSourceFile().fileName.includes('/lib/') &&
      !declaration.getSourceFile().fileName.includes('node_modules'),
  );
}
