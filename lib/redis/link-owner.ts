import type { Lease } from './lease.js';
import type { SyncReply } from './sync/sync-reply.js';
import type { RedisWaiter } from './wait-queue.js';

/** Whose operations a link carries, and who hears what comes of them. `sentAt` is by this process's clock. */
export interface LinkOwner {
  answered(waiter: RedisWaiter, answer: number, sentAt: number): void;
  promoted(seq: string, fence: number, sentAt: number): void;
  /** Another node served a waiter of this one; Redis keeps that until `untilMs`, server time, for a claim's length. */
  published(seq: string, fence: number, untilMs: number): void;
  /** Redis has the leases for their whole length from `sentAt` on. */
  renewed(lease: Lease, sentAt: number): void;
  lost(seq: string): void;
  /** The reply as a whole, after all that is in it. */
  synced(reply: SyncReply): void;
  /** Wake-ups may have been lost. */
  check(): void;
  /** Redis's books are not those that the leases stand in. */
  reassert(): void;
  down(): void;
  up(): void;
  /** Nothing is on its way any more. */
  settled(): void;
}
