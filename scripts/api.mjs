// Writes what each entry of the package exports to docs/api/: `npm run api`. It reads the declarations in dist/.
// `npm run api -- --check` writes nothing: it fails when docs/api/ differs, or when the main entry has too many names.
import { mkdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));
/** More names than this are too many to look through. */
const MOST_NAMES = 46;

const isCheck = process.argv.includes('--check');
const { exports: entries } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

mkdirSync(join(root, 'docs/api'), { recursive: true });
for (const [name, entry] of Object.entries(entries)) {
  if (typeof entry === 'string') continue;
  const report = name === '.' ? 'main' : basename(name);
  const { apiReportChanged } = Extractor.invoke(configOf(report, resolve(root, entry.require.types)), {
    localBuild: !isCheck,
    messageCallback: (message) => {
      // These messages tell the reader to copy files by hand.
      message.handled = message.category === 'console';
    },
  });
  if (!apiReportChanged) continue;
  console.log(`docs/api/${report}.api.md ${isCheck ? 'differs from what the build exports' : 'has changed'}`);
  if (isCheck) process.exitCode = 1;
}
const names = countNames();
console.log(`the main entry exports ${names} names; at most ${MOST_NAMES} are allowed`);
if (names > MOST_NAMES) process.exitCode = 1;
if (process.exitCode === 1) console.error('run npm run api, and review the changes of the public API');

/** Counts the exported names of the main entry, types included. */
function countNames() {
  const path = resolve(root, entries['.'].require.types);
  const program = ts.createProgram([path], { module: ts.ModuleKind.NodeNext, types: [] });
  const checker = program.getTypeChecker();
  return checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(path))).length;
}

function configOf(report, types) {
  const ignored = { default: { logLevel: 'none' } };
  return ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(root, 'package.json'),
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: types,
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            target: 'ES2022',
            lib: ['ES2023', 'ESNext.Disposable', 'ESNext.Decorators'],
            module: 'nodenext',
            moduleResolution: 'nodenext',
            types: ['node'],
            strict: true,
            skipLibCheck: true,
          },
          files: [types],
        },
      },
      apiReport: {
        enabled: true,
        reportFileName: report,
        reportFolder: join(root, 'docs/api'),
        reportTempFolder: join(root, 'reports/api-extractor'),
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      newlineKind: 'lf',
      messages: {
        compilerMessageReporting: ignored,
        extractorMessageReporting: ignored,
        tsdocMessageReporting: ignored,
      },
    },
  });
}
