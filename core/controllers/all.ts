import type { InboxItem } from '../ports/inbox.ts';
import type { Place } from '../scheduler/types.ts';
import { deploymentController } from './deployment/deployment.ts';
import { disruptionBudgetController } from './disruption-budget.ts';
import { eventExpiry } from './event-expiry.ts';
import { endpointSliceController } from './endpoints/endpoint-slices.ts';
import { serviceAddressController } from './endpoints/service-addresses.ts';
import { reportFolder } from './fold-reports.ts';
import { garbageCollector } from './garbage-collector.ts';
import { namespaceController } from './namespace.ts';
import { networkController } from './network.ts';
import { evictionController } from './node/eviction.ts';
import { nodeHealthController } from './node/health.ts';
import { replicaSetController } from './replica-set.ts';
import { nodeDrainController } from './node-drains.ts';
import { nodeRebootController } from './node-reboots.ts';
import { schedulerController } from './scheduler.ts';
import type { Controller } from './types.ts';
import { unitController } from './units/unit-controller.ts';
import { unitScheduler } from './units/unit-scheduler.ts';
import { updateGroupController } from './update-groups.ts';

/**
 * Every controller there is, in the order in which they run: first what is known of the hosts, then what goes, then what
 * waits for a place, then what comes. They run until none has anything left to do, so the order matters only when a commit
 * is full: what exists is served before more is made.
 */
export function allControllers(reports: readonly InboxItem[], place?: Place): readonly Controller[] {
  return [
    reportFolder(reports),
    unitController(reports),
    nodeHealthController,
    networkController,
    evictionController,
    namespaceController,
    garbageCollector,
    unitScheduler,
    schedulerController(place),
    deploymentController,
    replicaSetController,
    disruptionBudgetController,
    serviceAddressController,
    endpointSliceController,
    nodeDrainController,
    nodeRebootController,
    updateGroupController,
    eventExpiry,
  ];
}
