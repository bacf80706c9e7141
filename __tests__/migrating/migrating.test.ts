import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../docs/program';
import type { Findings } from './explore';

/** The apps in examples/migrating, in the order of the guide's table. */
const APPS = ['hand-written', 'express-queue', 'p-limit', 'express-semaphore'];

const guide = readFileSync(join(ROOT, 'docs/guide/migrating.md'), 'utf8');

describe('docs/guide/migrating.md', () => {
  it('shows apps under test as they are', () => {
    const shown = Array.from(guide.matchAll(/^```typescript\n([^]*?)^```$/gm), ([, code]) => code);
    expect(shown).toEqual(['hand-written', 'express-semaphore'].map(sourceOf));
  });

  it('states the findings for each app', async () => {
    const findings = await Promise.all(APPS.map(explore));
    const rows = Array.from(guide.matchAll(/^\|[^|]*\?\s*\|(.*)\|$/gm), ([, cells = '']) =>
      cells.split('|').map((cell) => cell.trim()),
    );
    expect(rows).toEqual([
      findings.map((found) => yesOrNo(found.servesAfterAClientLeft)),
      findings.map((found) => yesOrNo(found.worksForNobody)),
      findings.map((found) => found.fourth),
      findings.map((found) => yesOrNo(found.keepsContext)),
      findings.map((found) => found.order),
    ]);
  });
});

it('express-semaphore leaks no permit, does no work for a client that left, and keeps each async context', async () => {
  expect(await explore('express-semaphore')).toEqual({
    servesAfterAClientLeft: true,
    worksForNobody: false,
    fourth: '503 with Retry-After',
    keepsContext: true,
    order: 'abc',
  });
});

/** An example without its leading comment. */
function sourceOf(app: string): string {
  const source = readFileSync(join(ROOT, 'examples/migrating', `${app}.ts`), 'utf8');
  return source.replace(/^\/\/.*\n/, '');
}

async function explore(app: string): Promise<Findings> {
  const args = ['--import', 'tsx', join(__dirname, 'explore.ts'), app];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT, timeout: 120_000 });
  return JSON.parse(stdout) as Findings;
}

function yesOrNo(holds: boolean): string {
  return holds ? 'yes' : 'no';
}
