// Writes what the package exports, entry by entry, to docs/api/: `npm run api`. With --check it only says what has changed,
// and fails if anything has. It reads the declarations in dist/, so build first.
import { mkdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const root = fileURLToPath(new URL('..', import.meta.url));
const isCheck = process.argv.includes('--check');
const { exports: entries } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

mkdirSync(join(root, 'docs/api'), { recursive: true });
for (const [name, entry] of Object.entries(entries)) {
  if (typeof entry === 'string') continue;
  const report = name === '.' ? 'main' : basename(name);
  const { apiReportChanged } = Extractor.invoke(configOf(report, resolve(root, entry.require.types)), {
    localBuild: !isCheck,
    messageCallback: (message) => {
      // It would tell to copy files by hand.
      message.handled = message.category === 'console';
    },
  });
  if (!apiReportChanged) continue;
  console.log(`docs/api/${report}.api.md ${isCheck ? 'is not what the build exports' : 'has changed'}`);
  if (isCheck) process.exitCode = 1;
}
if (process.exitCode === 1) console.error('run npm run api, and look at what has changed of the public API');

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
