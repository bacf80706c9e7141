// An upstream with an OpenAI-like API that accepts few calls at once. A chat waits for its turn. If its client leaves,
// the call to the upstream ends, too. The paid users have priority.
import express from 'express';
import type { Request, Response } from 'express';
import { limitHandler, permitOf, Semaphore } from 'express-semaphore';
import { listen } from './listen.js';

const BASE_URL = process.env.OPENAI_BASE_URL ?? 'https://api.openai.com/v1';
const upstream = new Semaphore(2, { name: 'openai', queueLimit: 20, order: 'priority' });

interface Completion {
  readonly choices: readonly { readonly message: { readonly content: string } }[];
}

async function chat(req: Request, res: Response): Promise<void> {
  const signal = permitOf(res)?.signal ?? null; // aborts when the client leaves
  try {
    const response = await fetch(`${BASE_URL}/chat/completions`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Authorization: `Bearer ${process.env.OPENAI_API_KEY ?? ''}`,
      },
      body: JSON.stringify({ model: 'gpt', messages: [{ role: 'user', content: req.query.q }] }),
      signal,
    });
    const { choices } = (await response.json()) as Completion;
    res.send(choices[0]?.message.content);
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
}

const app = express();
app.get(
  '/chat',
  limitHandler(upstream, chat, { maxWaitMs: 30_000, priority: (req) => (req.get('x-paid') ? 10 : 0) }),
);
app.get('/stats', (_req, res) => {
  res.json({ held: upstream.held, waiting: upstream.waiting });
});

listen(app);
