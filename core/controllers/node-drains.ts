import { DRAIN_ANNOTATION } from '../node/drain.ts';
import { Draft } from './draft.ts';
import type { Controller } from './types.ts';

/** A drain ends when its node is uncordoned, by whatever tool: else the next cordon would be one. */
export const nodeDrainController: Controller = {
  name: 'drain-controller',
  decide(state, now) {
    const draft = new Draft(this.name, now);
    draft.forEach(state.list('Node'), (node) => {
      const { [DRAIN_ANNOTATION]: drained, ...annotations } = node.metadata.annotations ?? {};
      if (drained === undefined || node.spec?.unschedulable) return;
      draft.update({ ...node, metadata: { ...node.metadata, annotations } });
    });
    return draft.finish();
  },
};
