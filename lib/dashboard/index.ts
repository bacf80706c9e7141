export { basicAuth } from './access.js';
export { dashboard } from './dashboard.js';
export type { DashboardOptions } from './dashboard.js';
