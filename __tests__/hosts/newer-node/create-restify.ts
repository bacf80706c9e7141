export { createServer as createRestify } from 'restify';
