import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HOSTS } from './hosts';

const guide = readFileSync(join(__dirname, '../../docs/guide/hosts.md'), 'utf8');

describe('docs/guide/hosts.md', () => {
  it('shows the modules under test as they are, each under the name of its host, and no other code', () => {
    const sections = Array.from(
      guide.matchAll(/^## (.*)$|^```(?:.*)\n([^]*?)^```$/gm),
      ([, name, code]) => name ?? code,
    );
    expect(sections).toEqual(HOSTS.flatMap(({ name, file }) => [name, sourceOf(file)]));
  });
});

/** As a reader has it, to whom every version of Express has the same name. */
function sourceOf(file: string): string {
  return readFileSync(join(__dirname, `${file}.ts`), 'utf8').replace("'express4'", "'express'");
}
