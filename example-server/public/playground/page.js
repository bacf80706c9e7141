// Shows the state of the playground and sends the changes that its visitor makes.

const POLL_MS = 500;
const inputs = ['isOn', 'arrivals', 'serviceMs', 'kind', 'order'].map(byId);
const problem = byId('problem');

/** Revision of the newest state shown. An older state must not undo a change. */
let revision = -1;
/** Number of changes that the server has not answered yet. */
let pending = 0;

for (const input of inputs) {
  input.addEventListener('input', () => showValue(input));
  input.addEventListener('change', () => send({ [input.id]: valueOf(input) }));
}
byId('double').addEventListener('click', () => {
  send({ serviceMs: Math.min(1_000, 2 * Number(byId('serviceMs').value)) });
});
byId('controls').addEventListener('submit', (event) => event.preventDefault());
poll();

async function poll() {
  try {
    const response = await fetch('state');
    show(await response.json());
    problem.textContent = '';
  } catch {
    problem.textContent = 'The server is gone. Trying again…';
  }
  setTimeout(poll, POLL_MS);
}

async function send(change) {
  pending++;
  // The control shows the change at once, so a second click builds on the first.
  for (const [name, value] of Object.entries(change)) setValue(byId(name), value);
  try {
    const response = await fetch('state', {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(change),
    });
    const answer = await response.json();
    pending--;
    if (response.ok) show(answer);
    else problem.textContent = answer.title;
  } catch {
    pending--;
  }
}

function show(state) {
  const { sent, served, rejected, gaveUp } = state.lastSecond;
  byId('served').textContent = `${served} of ${sent}/s`;
  byId('rejected').textContent = `${rejected}/s`;
  byId('gaveUp').textContent = `${gaveUp}/s`;
  if (pending > 0 || state.revision < revision) return;
  revision = state.revision;
  fillSelect(byId('kind'), state.kinds);
  fillSelect(byId('order'), state.orders);
  for (const input of inputs) if (!input.matches(':active')) setValue(input, state[input.id]);
}

function fillSelect(select, choices) {
  if (select.options.length > 0) return;
  for (const choice of choices) select.add(new Option(choice));
}

function setValue(input, value) {
  if (input.type === 'checkbox') input.checked = value;
  else input.value = value;
  showValue(input);
}

function valueOf(input) {
  if (input.type === 'checkbox') return input.checked;
  return input.type === 'range' ? Number(input.value) : input.value;
}

function showValue(input) {
  const output = document.querySelector(`output[for="${input.id}"]`);
  if (output !== null) output.textContent = input.value + input.dataset.unit;
}

function byId(id) {
  return document.getElementById(id);
}
