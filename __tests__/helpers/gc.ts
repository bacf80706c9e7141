import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { turn } from './watch';

/** Collects garbage until nothing more can be found, as far as one can know. */
export async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  for (let round = 0; round < 3; round++) {
    // What a WeakRef was made of, or asked for, lives until the job has ended.
    await turn();
    gc();
  }
}
