// Loaded before a process's own code: its clocks are wrong by CLOCK_OFF_MS. What it tells the checker is read elsewhere.
const offMs = Number(process.env.CLOCK_OFF_MS);
if (offMs !== 0) {
  const [date, monotonic, origin] = [Date.now, performance.now, performance.timeOrigin];
  Date.now = () => date() + offMs;
  performance.now = () => monotonic.call(performance) + offMs;
  Object.defineProperty(performance, 'timeOrigin', { value: origin + offMs });
}
