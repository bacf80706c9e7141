import { describeClosing } from './closing';
import { describeControl } from './control';
import { describeGranting } from './granting';
import { describeLeaving } from './leaving';
import { describePermit } from './permit';
import { describeQueueing } from './queueing';
import { describeSplit } from './split';
import { describeStats } from './stats';
import type { MakeSubject, Traits } from './subject';
import { describeWeights } from './weights';
import { describeWrapping } from './wrapping';

/** The one contract: what every limiter of this package promises, whatever it is made of. */
export function describeLimiter(name: string, make: MakeSubject, traits: Traits): void {
  describe(`${name} as a limiter`, () => {
    describeGranting(make, traits);
    describeWeights(make, traits);
    describeQueueing(make, traits);
    describeLeaving(make, traits);
    describePermit(make, traits);
    describeSplit(make, traits);
    describeClosing(make, traits);
    describeControl(make, traits);
    describeStats(make, traits);
    describeWrapping(make, traits);
  });
}
