import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HOSTS } from './hosts';

const guide = readFileSync(join(__dirname, '../../docs/guide/hosts.md'), 'utf8');

describe('docs/guide/hosts.md', () => {
  it.each(HOSTS)('shows how to mount limit on $name as $file does', ({ name, file }) => {
    const row = guide.split('\n').find((text) => text.startsWith(`| ${name} `)) ?? '';
    const [, , mount = ''] = row.split('|');
    const source = readFileSync(join(__dirname, `${file}.ts`), 'utf8');
    const code = Array.from(mount.matchAll(/`([^`]*limit[^`]*)`/g), ([, part = '']) => part);
    expect(row).not.toBe('');
    expect(code.filter((part) => !source.includes(part))).toEqual([]);
  });
});
