// `npm run soak redis` plays every scenario with a fresh seed; `-- --seed 7` plays one again, `-- --only killed` some.
import { parseArgs } from 'node:util';
import { Random } from '../../../bench/sim/random';
import { SCENARIOS } from './scenarios';

const { values } = parseArgs({ options: { seed: { type: 'string' }, only: { type: 'string' } } });
const seed = Number(values.seed ?? Date.now() % 1_000_000);
console.log(`seed ${seed}`);

void main();

async function main(): Promise<void> {
  for (const [name, play] of Object.entries(SCENARIOS)) {
    if (values.only !== undefined && !name.includes(values.only)) continue;
    try {
      console.log(`ok      ${name}: ${await play(new Random(seed))}`);
    } catch (error) {
      process.exitCode = 1;
      console.log(
        `FAILED  ${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
    }
  }
}
