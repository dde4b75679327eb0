import { Draft } from './draft.ts';
import type { Controller } from './types.ts';

/** Empties namespaces that are being deleted. They go with the last object in them (core/resources/write). */
export const namespaceController: Controller = {
  name: 'namespace-controller',
  decide(state, now) {
    const draft = new Draft(this.name, now);
    draft.forEach(state.list('Namespace'), ({ metadata }) => {
      if (!metadata.deletionTimestamp) return;
      for (const object of state.inNamespace(metadata.name)) if (!object.metadata.deletionTimestamp) draft.delete(object);
    });
    return draft.finish();
  },
};
