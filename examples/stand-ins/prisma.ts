// A stand-in for the Prisma client: one model, and `$extends` for queries. It needs no database.
import { setTimeout as sleep } from 'node:timers/promises';

interface Args {
  readonly where: { readonly id: number };
}

interface User {
  readonly name: string;
}

type Query = (args: Args) => Promise<User>;

/** The part of an extension that the example uses. */
interface Extension {
  readonly query: {
    readonly $allModels: {
      readonly $allOperations: (operation: { readonly args: Args; readonly query: Query }) => Promise<User>;
    };
  };
}

export class PrismaClient {
  readonly user: { readonly findUnique: Query };

  constructor(findUnique: Query = findUser) {
    this.user = { findUnique };
  }

  $extends({ query: { $allModels } }: Extension): PrismaClient {
    const { findUnique } = this.user;
    return new PrismaClient((args) => $allModels.$allOperations({ args, query: findUnique }));
  }
}

async function findUser({ where: { id } }: Args): Promise<User> {
  await sleep(20);
  return { name: `user ${id}` };
}
