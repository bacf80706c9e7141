// The ES module face of the one CommonJS build: both kinds of importer share the same classes and state.
export * from './index.js';
