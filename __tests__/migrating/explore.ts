// Run as a process of its own, as p-limit is an ES module only: plays the same scenes on the app that is named, and prints what it found.
import { Desk } from './desk.js';
import type { CreateApp } from './desk.js';

/** What became of the app's clients and reports. */
export interface Findings {
  /** Whether one that comes later is served after a client has left while its report was made. */
  readonly servesAfterAClientLeft: boolean;
  /** Whether a report is made for a client that has left the line. */
  readonly worksForNobody: boolean;
  /** What the fourth at once gets, when one is served and two stand in line. */
  readonly fourth: string;
  /** Whether a report that had to wait is made in its own request's async context. */
  readonly keepsContext: boolean;
  /** In which order reports were made. */
  readonly order: string;
}

async function explore(createApp: CreateApp): Promise<Findings> {
  const on = async <Result>(scene: (desk: Desk) => Promise<Result>): Promise<Result> => {
    await using desk = await Desk.open(createApp);
    return await scene(desk);
  };
  return {
    servesAfterAClientLeft: await on(leaveWhileServed),
    worksForNobody: await on(leaveTheLine),
    fourth: await on(fill),
    ...(await on(waitInLine)),
  };
}

async function leaveWhileServed(desk: Desk): Promise<boolean> {
  await desk.leave(await serveFirst(desk), 'a');
  desk.finish('a');
  await desk.ask('b');
  return desk.isBegun('b');
}

async function leaveTheLine(desk: Desk): Promise<boolean> {
  await serveFirst(desk);
  await desk.leave(await desk.ask('b'), 'b');
  desk.finish('a');
  return desk.isBegun('b');
}

async function fill(desk: Desk): Promise<string> {
  await serveFirst(desk);
  await desk.ask('b');
  await desk.ask('c');
  return (await desk.ask('d')).answer();
}

async function waitInLine(desk: Desk): Promise<Pick<Findings, 'keepsContext' | 'order'>> {
  await serveFirst(desk);
  await desk.ask('b');
  await desk.ask('c');
  for (const [done, next] of ['ab', 'bc']) {
    desk.finish(done ?? '');
    if (!(await desk.isBegun(next ?? ''))) throw new Error(`${next} is not served after ${done}`);
  }
  const contexts = [...desk.contexts];
  return {
    keepsContext: contexts.every(([user, context]) => user === context),
    order: contexts.map(([user]) => user).join(''),
  };
}

async function serveFirst(desk: Desk) {
  const client = await desk.ask('a');
  if (!(await desk.isBegun('a'))) throw new Error('the first is not served');
  return client;
}

async function main(): Promise<void> {
  const { createApp } = (await import(`./${process.argv[2] ?? ''}.ts`)) as { createApp: CreateApp };
  console.log(JSON.stringify(await explore(createApp)));
}

void main();
