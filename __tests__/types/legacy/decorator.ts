import { Semaphore, withSemaphore } from 'express-semaphore';

export const semaphore = new Semaphore(1);

/** A method decorated in TypeScript's older form keeps its type. */
export class Users {
  @withSemaphore(semaphore)
  async find(id: string): Promise<number> {
    return Promise.resolve(id.length);
  }
}

export const found: Promise<number> = new Users().find('id');
