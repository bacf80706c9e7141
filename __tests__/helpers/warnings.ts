/** A process warning as it was emitted. */
export interface EmittedWarning extends NodeJS.EmitWarningOptions {
  readonly message: string | Error;
}

/**
 * Collects process warnings instead of printing them, until Jest restores its mocks. Jest gives tests a copy of `process`
 * that never emits `warning`.
 */
export function collectWarnings(): EmittedWarning[] {
  const warnings: EmittedWarning[] = [];
  jest.spyOn(process, 'emitWarning').mockImplementation((message, options?: unknown) => {
    warnings.push({ message, ...(options as NodeJS.EmitWarningOptions) });
  });
  return warnings;
}
