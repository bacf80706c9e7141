/** Bans retired words in lib/ and docs/, and long sentences in the comments of lib/. One word stands for one idea. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const ROOT = join(__dirname, '..');
const MOST_WORDS = 25;

/** Retired words and phrases, as whole words in any case. An identifier counts as its words: `takeBack` is "take back". */
const RETIRED = [
  'gates?|slots?|tickets?|rosters?|tally|tallies|stock|books|whoever|whom|those who|anew|hence|lest|guards?',
  'dismiss(es|ed|al)?|refus(e|es|ed|ing|als?)|(first )?in line|the line|(wait|waiters?) lines?|stands?|stood',
  '(takes?|took|taken|comes?|came) back|takes? in|hand(s|ed)? over|lets? go|makes? room|lease books?|key links?',
  'joins? (it|them|the|a|an|others|behind)|joined (the|a|behind)|turn batch(es)?|(?<!trial[- ])raises?',
  '(an?|the|each|every|this|that|its|their|one|whose) asks?|(?<!circuit[- ])breakers?',
];
/** Ordinary technical uses, and names of others. */
const ALLOWED = /the (command|time|status|request) line|NestJS guards?|UseGuards|^slots$/gim;
/** A metric kind of Prometheus and OpenTelemetry, in their part of the package. */
const GAUGE = 'gauges?';

const lib = readdirSync(join(ROOT, 'lib'), { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.(ts|html|css)$/.test(path))
  .map((path) => `lib/${path}`);
const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.md') && !path.endsWith('.api.md'))
  .map((path) => `docs/${path}`);

it.each([...lib, ...docs, 'README.md'])('%s has no retired word', (path) => {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const words = path.endsWith('.ts') ? textsOf(text).join('\n') : proseOf(text);
  const retired = [...RETIRED, ...(/metrics|README|decisions/.test(path) ? [] : [GAUGE])].join('|');
  const found = words.replace(ALLOWED, '').matchAll(new RegExp(`.{0,30}\\b(${retired})\\b.{0,30}`, 'gi'));
  expect(Array.from(found, ([place]) => place)).toEqual([]);
});

it.each(lib.filter((path) => path.endsWith('.ts')))('%s has no long sentence in a comment', (path) => {
  const sentences = commentsOf(readFileSync(join(ROOT, path), 'utf8')).flatMap(sentencesOf);
  expect(sentences.filter((sentence) => sentence.split(/\s+/).length > MOST_WORDS)).toEqual([]);
});

/** The prose of a document: without code blocks, pictures and the targets of links. */
function proseOf(text: string): string {
  return text
    .replace(/^```.*?^```$/gms, '')
    .replace(/<!--.*?-->/gs, '')
    .replace(/\]\([^)]*\)/g, ']')
    .replace(/`[^`]*`/g, 'code')
    .replace(/\s+/g, ' ');
}

/** The comments, strings and identifiers of a source file. */
function textsOf(source: string): string[] {
  const texts = commentsOf(source).map(proseOf);
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) || ts.isPrivateIdentifier(node))
      texts.push(node.text.replace(/([a-z])([A-Z])/g, '$1 $2'));
    else if (
      ts.isLiteralExpression(node) ||
      ts.isTemplateHead(node) ||
      ts.isTemplateMiddleOrTemplateTail(node)
    )
      texts.push(node.text.replace(/\s+/g, ' '));
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('file.ts', source, ts.ScriptTarget.ES2022));
  return texts;
}

/** Comments without their marks; line comments that follow one another are one. Examples are code, not comment. */
function commentsOf(source: string): string[] {
  const found = source.match(/\/\*[^]*?\*\/|(?:\/\/.*\n\s*)*\/\/.*/g) ?? [];
  return found.map((comment) =>
    comment.replace(/^ *(\/\*\*?|\*\/|\*|\/\/) ?|\*\/$/gm, '').replace(/^```.*?^```$|^@example$/gms, ''),
  );
}

function sentencesOf(comment: string): string[] {
  return comment
    .replace(/`[^`]*`/g, 'code')
    .replace(/\{@link ([^}]*)\}/g, 'link')
    .replace(/\n(?=\s*(- |\d\. |@|\n))/g, '. ')
    .replace(/\s+/g, ' ')
    .split(/(?<=[.!?:])\s/);
}
