// A plugin of TypeDoc: names the documents of the site after their first headings and groups them by their folders. Names
// each module after its entry of the package.
import { readFileSync } from 'node:fs';
import { Converter, ReflectionKind } from 'typedoc';

const GROUPS = { guide: 'Guide', internals: 'Internals' };

const { name: packageName, exports } = JSON.parse(readFileSync('package.json', 'utf8'));
/** The name that users import, by the source file without its ending: `metrics/prometheus`. */
const ENTRIES = new Map(
  Object.entries(exports)
    .filter(([, entry]) => typeof entry !== 'string')
    .map(([entry, { require }]) => [
      require.default.replace('./dist/', '').replace(/(?<=.)\/index\.js$|\.js$/, ''),
      packageName + entry.slice(1),
    ]),
);

export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_context, document) => {
    const path = document.project.files.getReflectionPath(document);
    const [, folder] = /(\w+)\/[^/]+$/.exec(path);
    const [, title] = /^# (.+)\n/.exec(document.content[0].text) ?? [];
    if (title === undefined) throw new Error(`${path} does not begin with a heading`);
    document.name = title;
    document.frontmatter.group = GROUPS[folder];
  });

  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.getChildrenByKind(ReflectionKind.Module)) {
      const entry = ENTRIES.get(module.name);
      if (entry === undefined) throw new Error(`no entry of the package is ${module.name}`);
      module.name = entry;
    }
    // The theme shows the package's name as the heading of the first page.
    project.readme[0].text = project.readme[0].text.replace(/^# .+\n+/, '');
  });
}
