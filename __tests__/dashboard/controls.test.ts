import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import express from 'express';
import { dashboard } from 'express-semaphore/dashboard';
import type { Control } from 'express-semaphore/dashboard';
import type { Frame } from '../../lib/dashboard/frame';
import { EventStream } from '../helpers/event-stream';
import { serve } from '../helpers/serve';

it('are told of in every frame as they stand', async () => {
  const { controls } = make();
  await using server = await serve(open(controls));
  const stream = await EventStream.open<Frame>(`${server.url}/events`);
  expect((await stream.next())?.controls).toEqual([
    { id: 'rate', type: 'range', label: 'Arrivals', min: 0, max: 50, step: 1, unit: '', value: 20 },
    { id: 'kind', type: 'choice', label: 'Kind', choices: ['fifo', 'lifo'], value: 'fifo' },
    { id: 'on', type: 'switch', label: 'On', value: false },
    { id: 'double', type: 'button', label: 'Double it' },
    { id: 'served', type: 'reading', label: 'Served', value: '0/s' },
  ]);
  stream.leave();
});

it.each([
  ['rate', '35', { rate: 35 }],
  ['rate', '0', { rate: 0 }],
  ['kind', 'lifo', { kind: 'lifo' }],
  ['on', 'true', { on: true }],
  ['on', 'false', { on: false }],
  ['double', '', { rate: 40 }],
])('take what they can: %s %s', async (id, value, change) => {
  const { controls, state } = make();
  expect(await put(controls, id, value)).toBe(204);
  expect(state).toEqual({ ...BEGINNING, ...change });
});

it.each([
  ['rate', '51', 400],
  ['rate', '-1', 400],
  ['rate', '1.5', 400],
  ['rate', '', 400],
  ['rate', 'many', 400],
  ['kind', 'random', 400],
  ['on', 'yes', 400],
  ['served', '9/s', 400],
  ['nothing', '1', 404],
  ['__proto__', '1', 404],
  ['toString', '', 404],
])('refuse what they cannot: %s %s', async (id, value, status) => {
  const { controls, state } = make();
  expect(await put(controls, id, value)).toBe(status);
  expect(state).toEqual(BEGINNING);
});

it.each(['cross-site', 'same-site', 'none'])('are out of reach for a request that is %s', async (site) => {
  const { controls, state } = make();
  expect(await put(controls, 'on', 'true', { 'Sec-Fetch-Site': site })).toBe(403);
  expect(state).toEqual(BEGINNING);
});

it.each(['GET', 'POST'])('do not answer %s, which a form could send', async (method) => {
  const { controls, state } = make();
  await using server = await serve(open(controls));
  expect((await fetch(`${server.url}/controls?id=on&value=true`, { method })).status).toBe(404);
  expect(state).toEqual(BEGINNING);
});

const BEGINNING = { rate: 20, kind: 'fifo', on: false };

function make() {
  const state = { ...BEGINNING };
  const controls: Record<string, Control> = {
    rate: {
      type: 'range',
      label: 'Arrivals',
      min: 0,
      max: 50,
      get: () => state.rate,
      set: (rate) => (state.rate = rate),
    },
    kind: {
      type: 'choice',
      label: 'Kind',
      choices: ['fifo', 'lifo'],
      get: () => state.kind,
      set: (kind) => (state.kind = kind),
    },
    on: { type: 'switch', label: 'On', get: () => state.on, set: (on) => (state.on = on) },
    double: { type: 'button', label: 'Double it', press: () => (state.rate *= 2) },
    served: { type: 'reading', label: 'Served', get: () => '0/s' },
  };
  return { controls, state };
}

function open(controls: Record<string, Control>) {
  return express().use(dashboard({}, { authorize: () => true, controls }));
}

async function put(
  controls: Record<string, Control>,
  id: string,
  value: string,
  headers: Record<string, string> = {},
): Promise<number> {
  await using server = await serve(open(controls));
  const query = new URLSearchParams({ id, value }).toString();
  // Not by fetch, which sets a Sec-Fetch-Site of its own.
  const asked = request(`${server.url}/controls?${query}`, { method: 'PUT', headers, agent: false }).end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return response.statusCode ?? 0;
}
