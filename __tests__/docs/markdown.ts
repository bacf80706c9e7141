/** A document of this repository, by its path from the root. */
export interface MarkdownDocument {
  readonly path: string;
  readonly text: string;
}

/** TypeScript of a document that makes up one module. Its lines stand where they stand in the document. */
export interface Program {
  /** The document and the line where the program begins. */
  readonly name: string;
  readonly code: string;
}

/** A test that a document names. */
export interface QuotedTest {
  readonly name: string;
  /** From the document's folder. */
  readonly path: string;
}

interface Block {
  readonly startsProgram: boolean;
  readonly from: number;
  readonly lines: readonly string[];
}

/**
 * The programs of a document. A fenced `ts` block that imports the package begins one, and those after it go on with it,
 * as do the comments that begin with `<!-- ts`: these hold what a reader can do without, and what proves the rest.
 */
export function programsOf({ path, text }: MarkdownDocument): Program[] {
  const programs: Block[][] = [];
  for (const block of blocksOf(text)) {
    if (block.startsProgram) programs.push([]);
    programs.at(-1)?.push(block);
  }
  return programs.map((blocks) => {
    const lines: string[] = [];
    for (const block of blocks) {
      while (lines.length < block.from) lines.push('');
      lines.push(...block.lines);
    }
    return { name: `${path}:${(blocks[0]?.from ?? 0) + 1}`, code: lines.join('\n') };
  });
}

function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  const lines = text.split('\n');
  for (let from = 0; from < lines.length; from++) {
    const end = { '```ts': '```', '<!-- ts': '-->' }[lines[from] ?? ''];
    if (end === undefined) continue;
    const to = lines.indexOf(end, from);
    if (to < 0) throw new Error(`the block of line ${from + 1} has no end`);
    const code = lines.slice(from + 1, to);
    const startsProgram = end === '```' && code.some((line) => /^import .*'express-semaphore/.test(line));
    if (blocks.length === 0 && !startsProgram)
      throw new Error(`line ${from + 1}: no import of the package yet`);
    blocks.push({ startsProgram, from: from + 1, lines: code });
    from = to;
  }
  return blocks;
}

/** Targets of the links of a document, outside of its code. */
export function linksOf({ text }: MarkdownDocument): string[] {
  return Array.from(prose(text).matchAll(/\]\(([^)\s]+)\)/g), ([, target = '']) => target);
}

/** Anchors of a document's headings, as code hosts make them. */
export function anchorsOf({ text }: MarkdownDocument): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of prose(text).matchAll(/^#+ (.*)$/gm)) {
    const slug = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
    let anchor = slug;
    for (let n = 1; anchors.has(anchor); n++) anchor = `${slug}-${n}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Tests that a document links to: the text of such a link is the test's name. */
export function testsOf({ text }: MarkdownDocument): QuotedTest[] {
  return Array.from(
    prose(text).matchAll(/\[([^\]]+)\]\(([^)\s]+\.test\.ts)\)/g),
    ([, name = '', path = '']) => ({
      name,
      path,
    }),
  );
}

/** Names of the npm scripts that a document tells its reader to run. */
export function scriptsOf({ text }: MarkdownDocument): string[] {
  return Array.from(
    text.matchAll(/\bnpm (?:run ([\w:-]+)|(start|test))\b/g),
    ([, run, own]) => run ?? own ?? '',
  );
}

function prose(text: string): string {
  return text.replace(/^```.*?^```$/gms, '').replace(/<!--.*?-->/gs, '');
}
