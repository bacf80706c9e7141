/** A document of this repository, by its path from the root. */
export interface MarkdownDocument {
  readonly path: string;
  readonly text: string;
}

/** TypeScript of a document that is one module. Each row has the number that it has in the document. */
export interface Program {
  /** The document and the line where the program begins. */
  readonly name: string;
  readonly code: string;
}

interface Block {
  /** The row of the document after the opening fence, from 0. */
  readonly from: number;
  readonly rows: readonly string[];
}

/** The programs of a document: each fenced `ts` block is one. */
export function programsOf({ path, text }: MarkdownDocument): Program[] {
  return blocksOf(text).map(({ from, rows }) => ({
    name: `${path}:${from + 1}`,
    code: [...Array.from({ length: from }, () => ''), ...rows].join('\n'),
  }));
}

/** The program of a document whose code contains `part`. */
export function programWith(document: MarkdownDocument, part: string): Program {
  const [program, ...others] = programsOf(document).filter(({ code }) => code.includes(part));
  if (program === undefined || others.length > 0) {
    throw new Error(`${document.path}: not exactly one program contains ${part}`);
  }
  return program;
}

function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  const rows = text.split('\n');
  for (let at = 0; at < rows.length; at++) {
    if (rows[at] !== '```ts') continue;
    const to = rows.indexOf('```', at);
    if (to < 0) throw new Error(`the block of row ${at + 1} has no end`);
    blocks.push({ from: at + 1, rows: rows.slice(at + 1, to) });
    at = to;
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

/** Files and folders of the repository that a document names in code spans. */
export function filesOf({ text }: MarkdownDocument): string[] {
  const spans = prose(text).matchAll(
    /`((?:__tests__|bench|example-server|examples|lib|scripts)\/[\w./-]*)`/g,
  );
  return Array.from(spans, ([, path = '']) => path);
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
