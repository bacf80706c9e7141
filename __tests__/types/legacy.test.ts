import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileFunction } from 'node:vm';
import ts from 'typescript';
import * as ourPackage from 'express-semaphore';
import type * as Legacy from './legacy/decorator';

const FILE = join(__dirname, 'legacy', 'decorator.ts');

describe('a method decorated in the older form, as TypeScript compiles that', () => {
  it('takes a permit for each call, and gives the result back', async () => {
    const { outputText } = ts.transpileModule(readFileSync(FILE, 'utf8'), {
      compilerOptions: {
        experimentalDecorators: true,
        module: ts.ModuleKind.CommonJS,
        target: ts.ScriptTarget.ES2022,
      },
    });
    const compiled = { exports: {} as typeof Legacy };
    const load = compileFunction(outputText, ['exports', 'require']) as LoadModule;
    load(compiled.exports, () => ourPackage);
    const { found, semaphore, Users } = compiled.exports;
    expect(outputText).toContain('__decorate');
    expect(await found).toBe(2);
    expect(semaphore.stats()).toMatchObject({ acquired: 1, held: 0 });
    const both = [new Users().find('a'), new Users().find('ab')];
    expect(semaphore).toMatchObject({ held: 1, waiting: 1 });
    expect(await Promise.all(both)).toEqual([1, 2]);
  });
});

type LoadModule = (exports: object, require: () => unknown) => void;
