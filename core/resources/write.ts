/**
 * Writing resources: pure functions over a transaction's view, used by the REST handler and by the controllers' reconcile alike,
 * so that every write is validated, defaulted and versioned in one way. Each throws StatusError and then the transaction must
 * not commit what the call had written before (let the error leave `evaluate`, or give up this one object).
 */
export type { WriteContext } from './write/context.ts';
export { createResource } from './write/create.ts';
export { type DeleteOptions, deleteResource } from './write/delete.ts';
export { getResource, listResources } from './write/read.ts';
export { updateResource } from './write/update.ts';
