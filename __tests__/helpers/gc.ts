import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { turn } from './watch';

/** Collects garbage. Repeats it, because finalizers run between collections. */
export async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  for (let round = 0; round < 3; round++) {
    // The target of a WeakRef lives until the job that made or read the WeakRef has ended.
    await turn();
    gc();
  }
}
