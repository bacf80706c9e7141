// A process of its own, since p-limit is an ES module only: plays the scenes on the named app and prints its findings.
import { Desk } from './desk.js';
import type { CreateApp } from './desk.js';

/** What the scenes show of one app. */
export interface Findings {
  /** Whether a later request is served after a client left during its report. */
  readonly servesAfterAClientLeft: boolean;
  /** Whether a report is made for a client that left the queue. */
  readonly worksForNobody: boolean;
  /** The answer to a fourth request while one is served and two wait. */
  readonly fourth: string;
  /** Whether a report that had to wait runs in the async context of its own request. */
  readonly keepsContext: boolean;
  /** The order in which three reports are made. */
  readonly order: string;
}

async function explore(createApp: CreateApp): Promise<Findings> {
  const on = async <Result>(scene: (desk: Desk) => Promise<Result>): Promise<Result> => {
    await using desk = await Desk.open(createApp);
    return await scene(desk);
  };
  return {
    servesAfterAClientLeft: await on(leaveWhileServed),
    worksForNobody: await on(leaveTheQueue),
    fourth: await on(fill),
    ...(await on(waitInTurn)),
  };
}

async function leaveWhileServed(desk: Desk): Promise<boolean> {
  await desk.leave(await serveFirst(desk), 'a');
  desk.finish('a');
  await desk.request('b');
  return desk.isStarted('b');
}

async function leaveTheQueue(desk: Desk): Promise<boolean> {
  await serveFirst(desk);
  await desk.leave(await desk.request('b'), 'b');
  desk.finish('a');
  return desk.isStarted('b');
}

async function fill(desk: Desk): Promise<string> {
  await serveFirst(desk);
  await desk.request('b');
  await desk.request('c');
  return (await desk.request('d')).answer();
}

async function waitInTurn(desk: Desk): Promise<Pick<Findings, 'keepsContext' | 'order'>> {
  await serveFirst(desk);
  await desk.request('b');
  await desk.request('c');
  for (const [done, next] of ['ab', 'bc']) {
    desk.finish(done ?? '');
    if (!(await desk.isStarted(next ?? ''))) throw new Error(`${next} is not served after ${done}`);
  }
  const contexts = [...desk.contexts];
  return {
    keepsContext: contexts.every(([user, context]) => user === context),
    order: contexts.map(([user]) => user).join(''),
  };
}

async function serveFirst(desk: Desk) {
  const client = await desk.request('a');
  if (!(await desk.isStarted('a'))) throw new Error('the first request is not served');
  return client;
}

async function main(): Promise<void> {
  const app = process.argv[2] ?? '';
  const { createApp } = (await import(`../../examples/migrating/${app}.ts`)) as { createApp: CreateApp };
  console.log(JSON.stringify(await explore(createApp)));
}

void main();
