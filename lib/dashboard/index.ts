export type {
  ButtonControl,
  ChoiceControl,
  Control,
  RangeControl,
  ReadingControl,
  SwitchControl,
} from './control.js';
export { dashboard } from './dashboard.js';
export type { DashboardOptions } from './dashboard.js';
