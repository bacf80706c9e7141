// Run as a process of its own: the promise that a permit holds for rejects, and nobody handles it.
import { Semaphore } from '../../lib/index';

const semaphore = new Semaphore(1);
process.on('unhandledRejection', (reason) => {
  console.log(JSON.stringify({ reason: (reason as Error).message, held: semaphore.held }));
});
const permit = semaphore.tryAcquire();
permit?.hold(Promise.reject(new Error('the export failed')));
permit?.release();
